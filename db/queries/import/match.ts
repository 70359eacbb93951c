/** Finds, for each row, the device and the account that it is about, and refuses rows that contradict others. */
import type { ImportColumn } from "../../../contracts/import-columns.ts";
import { newId } from "../../new-id.ts";
import type { PluginRules } from "../eligibility.ts";
import {
  type Account,
  DEVICE_COLUMNS,
  type DeviceCells,
  type ImportRow,
  type Relation,
  type RowProblem,
} from "./row.ts";
import { accountKey, type Stored, type StoredCredential, type StoredDevice } from "./stored.ts";

/** The account that a reference of a row means. */
export interface Referred {
  readonly id: string;
  /** The row that makes it, where it is not stored yet. */
  readonly maker?: Draft;
}

/** A row, with what is found out about it on the way to its plan. */
export interface Draft {
  readonly row: ImportRow;
  /** What its device's name is compared by. */
  readonly key: string;
  readonly device: StoredDevice | undefined;
  readonly stored: StoredCredential | undefined;
  /** Of the account: as stored, or as it will be; undefined where the row names none. */
  readonly id: string | undefined;
  readonly references: Map<Relation, Referred | null>;
  /** Ids of the templates that the row names. */
  readonly templates: { templateId?: string; reconciliationTemplateId?: string };
  /** Anything here refuses the whole row. */
  readonly problems: RowProblem[];
}

export function refuse(draft: Draft, column: ImportColumn | undefined, problem: Omit<RowProblem, "column">): void {
  draft.problems.push({ ...(column === undefined ? {} : { column }), ...problem });
}

export function isGood(draft: Draft): boolean {
  return draft.problems.length === 0;
}

/** Lists are sets here: tags have no order. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && new Set([...a, ...b]).size === new Set(a).size && new Set(b).size === new Set(a).size;
}

/** Stored active accounts go before inactive ones, of which the newest counts. */
function findStored(
  known: readonly StoredCredential[],
  { domain, additionalInfo }: Account,
  plugin: string | undefined,
): { found?: StoredCredential | undefined; several: number } {
  const same = known.filter((one) => one.domain === domain && one.additionalInfo === additionalInfo);
  const active = same.filter((one) => one.active);
  const pool = active.length > 0 ? active : same.slice(-1);
  if (pool.length <= 1) return { found: pool[0], several: 0 };
  const ofPlugin = pool.filter((one) => one.plugin === plugin);
  return ofPlugin.length === 1 ? { found: ofPlugin[0], several: 0 } : { several: pool.length };
}

function makeDraft(row: ImportRow, stored: Stored): Draft {
  const key = stored.keys.get(row.host) ?? row.host;
  const device = stored.devices.get(key);
  const base = { row, key, device, references: new Map(), templates: {}, problems: [...row.problems] };
  if (!row.account) return { ...base, stored: undefined, id: undefined };
  const known = device ? (stored.accounts.get(accountKey(device.id, row.account.username)) ?? []) : [];
  const { found, several } = findStored(known, row.account, row.credential.plugin);
  const draft = { ...base, stored: found, id: found?.id ?? newId() };
  if (several > 0)
    refuse(draft, "plugin", {
      code: "request.conflict",
      rule: `must be the one of ${several} registered accounts with this name that is meant`,
    });
  return draft;
}

/** Rows of one file must not say different things about one device, nor anything twice about one account. */
class Contradictions {
  readonly #cells = new Map<string, { value: unknown; line: number }>();
  readonly #accounts = new Map<string, number>();

  check(draft: Draft): void {
    const { row, key, stored } = draft;
    const fields = Object.keys(row.device) as (keyof DeviceCells)[];
    for (const field of fields) {
      const before = this.#cells.get(`${field} ${key}`);
      if (before && !sameValue(before.value, row.device[field]))
        refuse(draft, DEVICE_COLUMNS[field], {
          code: "request.conflict",
          rule: `must be as line ${before.line} says for the same device`,
        });
    }
    const account = stored?.id ?? JSON.stringify([key, row.account]);
    const line = row.account && this.#accounts.get(account);
    if (line !== undefined)
      refuse(draft, "username", { code: "request.conflict", rule: `must not be the account of line ${line} again` });
    if (!isGood(draft)) return;
    for (const field of fields)
      if (!this.#cells.has(`${field} ${key}`))
        this.#cells.set(`${field} ${key}`, { value: row.device[field], line: row.line });
    if (row.account) this.#accounts.set(account, row.line);
  }
}

function checkPlugin(draft: Draft, plugins: readonly PluginRules[]): void {
  const { row, stored } = draft;
  const { plugin } = row.credential;
  if (row.account && !stored && plugin === undefined)
    refuse(draft, "plugin", {
      code: "request.invalid",
      rule: "must be given for an account that is not registered yet",
      got: "nothing",
    });
  if (plugin !== undefined && plugins.every(({ kind }) => kind !== plugin))
    refuse(draft, "plugin", { code: "credential.plugin-unknown", rule: "must be the kind of a registered plugin" });
}

/** One draft per row, in the order of the file. */
export function matchRows(rows: readonly ImportRow[], stored: Stored, plugins: readonly PluginRules[]): Draft[] {
  const contradictions = new Contradictions();
  return rows.map((row) => {
    const draft = makeDraft(row, stored);
    if (isGood(draft)) checkPlugin(draft, plugins);
    if (isGood(draft)) contradictions.check(draft);
    return draft;
  });
}
