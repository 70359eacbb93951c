/** From the cells of a row to what it says, by the same rules that the API has for the same fields. */
import { z } from "zod";
import { line } from "../../contracts/common.schema.ts";
import { CredentialInput, Password } from "../../contracts/credentials.schema.ts";
import { DeviceInput } from "../../contracts/devices.schema.ts";
import { headingOf, type ImportColumn } from "../../contracts/import-columns.ts";
import type {
  AccountName,
  CredentialCells,
  DeviceCells,
  ImportRow,
  Relation,
  RowProblem,
} from "../../db/queries/import/row.ts";
import type { CsvRow } from "./csv.ts";

/** Empties a field; an empty cell leaves it as it is. */
const EMPTY = "-";

const WORDS = new Map(
  Object.entries({
    true: ["yes", "true", "1", "on", "enabled", "active"],
    false: ["no", "false", "0", "off", "disabled", "inactive"],
  }).flatMap(([meaning, words]) => words.map((word) => [word, meaning === "true"] as const)),
);

const YesNo = z
  .string()
  .transform((text) => WORDS.get(text.toLowerCase()))
  .pipe(z.boolean("must be yes or no"));
const Port = z
  .string()
  .regex(/^\d{1,5}$/, "must be a whole number")
  .transform(Number)
  .pipe(DeviceInput.shape.port.unwrap().unwrap());
const Tags = z
  .string()
  .transform((text) =>
    text
      .split(/[,;]/)
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ""),
  )
  .pipe(CredentialInput.shape.tags.unwrap());
/** An id, or a name that is looked up when the plugin is known. */
const Template = line(200).min(1);

/** The columns that say something about an account: all but those of its device. */
const OF_DEVICE: ReadonlySet<ImportColumn> = new Set([
  "device",
  "address",
  "port",
  "manufacturer",
  "model",
  "deviceType",
  "site",
  "deviceDomain",
  "url",
  "deviceTags",
]);

type Problems = RowProblem[];

/** Reads the cells of one row and gathers what does not fit. */
class Cells {
  readonly problems: Problems = [];
  readonly #cells: CsvRow["cells"];

  constructor(cells: CsvRow["cells"]) {
    this.#cells = cells;
  }

  has(column: ImportColumn): boolean {
    return this.#cells.has(column);
  }

  /** @param empty what a hyphen stands for, where the field may be emptied */
  read<T>(column: ImportColumn, rule: z.ZodType<T>, empty?: NoInfer<T>): T | undefined {
    const text = this.#cells.get(column);
    if (text === undefined) return undefined;
    if (text === EMPTY && empty !== undefined) return empty;
    const { success, data, error } = rule.safeParse(text);
    if (success) return data;
    for (const issue of error.issues) this.refuse(column, issue.message, `text of ${text.length} characters`);
    return undefined;
  }

  refuse(column: ImportColumn, rule: string, got = "nothing"): void {
    this.problems.push({ column, code: "request.invalid", rule, got });
  }
}

/** Without the cells that are empty. */
function filled<T extends object>(cells: { [Name in keyof T]-?: T[Name] | undefined }): T {
  return Object.fromEntries(Object.entries(cells).filter(([, value]) => value !== undefined)) as T;
}

const device = DeviceInput.shape;
const credential = CredentialInput.shape;

function readDevice(cells: Cells): DeviceCells {
  return filled<DeviceCells>({
    address: cells.read("address", device.address),
    port: cells.read<number | null>("port", Port, null),
    manufacturer: cells.read("manufacturer", device.manufacturer.unwrap(), ""),
    model: cells.read("model", device.model.unwrap(), ""),
    type: cells.read("deviceType", device.type.unwrap(), ""),
    site: cells.read("site", device.site.unwrap()),
    domain: cells.read("deviceDomain", device.domain.unwrap(), ""),
    url: cells.read("url", device.url.unwrap(), ""),
    tags: cells.read("deviceTags", Tags, []),
  });
}

function readCredential(cells: Cells): CredentialCells {
  return filled<CredentialCells>({
    plugin: cells.read("plugin", credential.plugin),
    type: cells.read("credentialType", credential.type.unwrap()),
    tags: cells.read("credentialTags", Tags, []),
    active: cells.read("status", YesNo),
    notes: cells.read("notes", credential.notes.unwrap(), ""),
    automaticChange: cells.read("automaticChange", YesNo),
    templateId: cells.read<string | null>("template", Template, null),
    useOwnCredential: cells.read("useOwnCredential", YesNo),
    reconciliationEnabled: cells.read("reconciliationStatus", YesNo),
    reconciliationAutorun: cells.read("reconciliationAutorun", YesNo),
    reconciliationPlugin: cells.read<string | null>("reconciliationPlugin", credential.plugin, null),
    reconciliationTemplateId: cells.read<string | null>("reconciliationTemplate", Template, null),
  });
}

/** @param host the row's own device, which is meant where the account's is left out */
function readReference(cells: Cells, relation: Relation, host: string): AccountName | null | undefined {
  const column = `${relation}Username` as const;
  const username = cells.read<string | null>(column, credential.username, null);
  const named = cells.read(`${relation}Hostname`, device.name);
  if (named !== undefined && !cells.has(column))
    cells.refuse(column, `must be given with ${headingOf(`${relation}Hostname`)}`);
  return typeof username === "string" ? { username, host: named ?? host } : username;
}

/** What a row says, and what of it does not fit. */
export function readRow({ line, cells: texts, fault }: CsvRow): ImportRow {
  const cells = new Cells(texts);
  if (fault !== undefined)
    return {
      line,
      host: "",
      device: {},
      credential: {},
      references: {},
      problems: [{ code: "request.invalid", rule: fault }],
    };
  const host = cells.read("device", device.name) ?? "";
  if (!cells.has("device")) cells.refuse("device", "must be given");
  const username = cells.read("username", credential.username);
  if (!cells.has("username") && [...texts.keys()].some((column) => !OF_DEVICE.has(column)))
    cells.refuse("username", "must be given where the row says something about an account");
  const domain = cells.read("domain", credential.domain.unwrap(), "") ?? "";
  const additionalInfo = cells.read("additionalInfo", credential.additionalInfo.unwrap(), "") ?? "";
  const password = cells.read("password", Password);
  const row = {
    line,
    host,
    device: readDevice(cells),
    credential: readCredential(cells),
    references: filled<ImportRow["references"]>({
      parent: readReference(cells, "parent", host),
      connection: readReference(cells, "connection", host),
      reconciliation: readReference(cells, "reconciliation", host),
    }),
    problems: cells.problems,
  };
  return {
    ...row,
    ...(username === undefined ? {} : { account: { username, domain, additionalInfo } }),
    ...(password === undefined ? {} : { password }),
  };
}
