/** What an import would write, row by row: the report of a dry run, and the work of a real one. */
import type { ImportColumn } from "../../../contracts/import-columns.ts";
import { newId } from "../../new-id.ts";
import type { credentials, devices } from "../../schema/index.ts";
import type { Database } from "../../client.ts";
import type { PluginRules } from "../eligibility.ts";
import { type Draft, isGood, matchRows, sameValue } from "./match.ts";
import { resolveReferences } from "./refer.ts";
import { CREDENTIAL_COLUMNS, DEVICE_COLUMNS, type DeviceCells, type ImportRow } from "./row.ts";
import { deviceMakers, settleRows } from "./settle-rows.ts";
import { readPasswords, readStored } from "./stored.ts";
import { readTemplates, resolveTemplates } from "./templates.ts";
import {
  changesPlugin,
  checkDoubt,
  checkOtherForm,
  checkPassword,
  checkSecretForm,
  checkSettings,
  type OpenStored,
  type WantedColumns,
  wantedColumns,
} from "./wanted.ts";

/** What becomes of a row's device or account. */
export type Work<Values, Patch> =
  | { readonly kind: "create"; readonly id: string; readonly values: Values }
  | { readonly kind: "edit"; readonly id: string; readonly revision: number; readonly patch: Patch };

export interface Plan {
  readonly draft: Draft;
  readonly deviceId: string;
  readonly device: Work<typeof devices.$inferInsert, DeviceCells> | undefined;
  readonly credential: Work<typeof credentials.$inferInsert, WantedColumns> | undefined;
  /** The version after which the row's password is stored; undefined where none is. */
  readonly passwordAfter: number | undefined;
  readonly columns: readonly ImportColumn[];
  /** Rows that make what this one names: they are written before it, or together with it. */
  readonly makers: readonly Draft[];
  /** The row of its parent: no circle is closed on the way to where none is. */
  readonly parent: Draft | undefined;
}

export interface Surroundings {
  readonly plugins: readonly PluginRules[];
  readonly open: OpenStored;
}

/** Passwords opened and compared between two looks at other requests. */
const PASSWORDS_AT_ONCE = 500;

/**
 * Reads what is stored and decides what each row does. Nothing is written and nothing is locked.
 * @returns one draft per row, and plans of the rows that can be written
 */
export async function planImport(
  db: Database,
  rows: readonly ImportRow[],
  { plugins, open }: Surroundings,
): Promise<{ drafts: Draft[]; plans: Plan[] }> {
  const stored = await readStored(db, rows);
  const drafts = matchRows(rows, stored, plugins);
  resolveReferences(drafts, stored);
  const templates = await readTemplates(db);
  for (const draft of drafts.filter(isGood)) {
    if (!draft.row.account) continue;
    checkSettings(draft, plugins);
    checkSecretForm(draft, plugins);
    resolveTemplates(draft, templates);
  }
  const passwords = await comparePasswords(db, drafts, { open, plugins });
  settleRows(drafts, stored);
  return { drafts, plans: makePlans(drafts, passwords) };
}

/** @returns for each draft whose password is to be stored the number of the last version before it */
async function comparePasswords(
  db: Database,
  drafts: readonly Draft[],
  { open, plugins }: { open: OpenStored; plugins: readonly PluginRules[] },
): Promise<Map<Draft, number>> {
  const good = drafts.filter(isGood);
  const after = new Map(good.filter(({ stored, row }) => !stored && row.password).map((draft) => [draft, 0]));
  const known = good.filter((draft) => draft.stored && (draft.row.password || changesPlugin(draft)));
  for (let start = 0; start < known.length; start += PASSWORDS_AT_ONCE) {
    const some = known.slice(start, start + PASSWORDS_AT_ONCE);
    const stored = await readPasswords(
      db,
      some.flatMap(({ id }) => id ?? []),
    );
    for (const draft of some) {
      const state = stored.get(draft.id ?? "");
      if (!state) continue;
      checkDoubt(draft, state);
      checkOtherForm(draft, state, plugins);
      if (checkPassword(draft, state, open)) after.set(draft, state.lastVersion);
    }
  }
  return after;
}

/** The fields whose wanted value is another than the present one. */
function changes<T extends object>(wanted: T, present: Readonly<Record<string, unknown>>): Partial<T> {
  const entries = Object.entries(wanted).filter(([field, value]) => !sameValue(value, present[field]));
  return Object.fromEntries(entries) as Partial<T>;
}

function columnsOf(names: Readonly<Record<string, ImportColumn>>, patch: object): ImportColumn[] {
  return Object.keys(patch).flatMap((field) => names[field] ?? []);
}

class Planner {
  readonly #makers: ReadonlyMap<string, Draft>;
  readonly #passwords: ReadonlyMap<Draft, number>;
  readonly #byId: ReadonlyMap<string, Draft>;
  /** The devices that the file makes, and what it has said of each device so far. */
  readonly #ids = new Map<string, string>();
  readonly #said = new Map<string, Record<string, unknown>>();

  constructor(drafts: readonly Draft[], passwords: ReadonlyMap<Draft, number>) {
    this.#passwords = passwords;
    this.#makers = deviceMakers(drafts);
    this.#byId = new Map(drafts.flatMap((draft) => (draft.id === undefined ? [] : [[draft.id, draft]])));
    for (const [key, maker] of this.#makers) {
      this.#ids.set(key, newId());
      this.#said.set(key, { ...maker.row.device });
    }
  }

  plan(draft: Draft): Plan {
    const device = this.#planDevice(draft);
    const deviceId = draft.device?.id ?? this.#ids.get(draft.key) ?? "";
    const credential = this.#planCredential(draft, deviceId);
    const passwordAfter = this.#passwords.get(draft);
    return {
      draft,
      device,
      deviceId,
      credential,
      passwordAfter,
      columns: [
        ...(device ? columnsOf(DEVICE_COLUMNS, device.kind === "edit" ? device.patch : draft.row.device) : []),
        ...(credential
          ? columnsOf(CREDENTIAL_COLUMNS, credential.kind === "edit" ? credential.patch : wantedColumns(draft))
          : []),
        ...(passwordAfter === undefined ? [] : (["password"] as const)),
      ],
      makers: this.#makersOf(draft),
      parent: this.#byId.get(draft.references.get("parent")?.id ?? ""),
    };
  }

  #planDevice(draft: Draft): Plan["device"] {
    const { row, key, device } = draft;
    const id = device?.id ?? this.#ids.get(key) ?? "";
    if (this.#makers.get(key) === draft) {
      // It was checked that the maker's address is given.
      const values = { address: "", ...row.device, name: row.host, id };
      return { kind: "create", id, values };
    }
    const said = this.#said.get(key) ?? {};
    const patch = changes(row.device, { ...device, ...said });
    this.#said.set(key, { ...said, ...patch });
    if (Object.keys(patch).length === 0) return undefined;
    return { kind: "edit", id, revision: device?.revision ?? 1, patch };
  }

  #planCredential(draft: Draft, deviceId: string): Plan["credential"] {
    const { row, stored, id } = draft;
    if (!row.account || id === undefined) return undefined;
    const wanted = wantedColumns(draft);
    if (!stored) {
      const values = { plugin: "", ...row.account, ...wanted, id, deviceId };
      return { kind: "create", id, values };
    }
    const patch = changes(wanted, stored);
    if (Object.keys(patch).length === 0) return undefined;
    return { kind: "edit", id, revision: stored.revision, patch };
  }

  #makersOf(draft: Draft): Draft[] {
    const device = draft.device ? undefined : this.#makers.get(draft.key);
    const accounts = [...draft.references.values()].flatMap((reference) => reference?.maker ?? []);
    return [...new Set([...(device ? [device] : []), ...accounts])].filter((maker) => maker !== draft);
  }
}

function makePlans(drafts: readonly Draft[], passwords: ReadonlyMap<Draft, number>): Plan[] {
  const good = drafts.filter(isGood);
  const planner = new Planner(good, passwords);
  return good.map((draft) => planner.plan(draft));
}

/** Whether the row changes anything. */
export function hasWork({ device, credential, passwordAfter }: Plan): boolean {
  return device !== undefined || credential !== undefined || passwordAfter !== undefined;
}
