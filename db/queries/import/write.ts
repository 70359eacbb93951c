/** Writes the plans of an import: short transactions, in which every unit of rows is whole or not there at all. */
import { sql } from "drizzle-orm";
import type { OperationRef } from "../../../contracts/messages.ts";
import { ApiProblem } from "../../../contracts/problem.ts";
import type { Secret } from "../../../contracts/secret.ts";
import { type Database, prepared, type Transaction } from "../../client.ts";
import { newId } from "../../new-id.ts";
import { postgresFault } from "../../postgres-error.ts";
import { credentials, devices, secretVersions } from "../../schema/index.ts";
import { type Actor, auditObjects, type AuditRow } from "../audit.ts";
import { uuidArray } from "../eligibility.ts";
import { editCredential } from "../credentials.ts";
import { editDevice } from "../devices.ts";
import { holdPolicies, resolveCredentials } from "../resolve-policies.ts";
import { storePassword } from "../secrets.ts";
import { type Draft, refuse } from "./match.ts";
import { inTransactions, movesParent, parentsFirst, type Unit } from "./order.ts";
import type { Plan } from "./plan.ts";
import { wantedPatch } from "./wanted.ts";

export interface Writing {
  readonly actor: Actor;
  seal(password: Secret, binding: { versionId: string; credentialId: string; version: number }): Buffer;
  /** Wakes operations that waited for an account whose password was stored. */
  wake(operations: readonly OperationRef[]): void;
}

/** The reason that versions stored by an import have. */
const REASON = "import";

/** SQLSTATE classes of values that do not fit and constraints that are broken, and of a deadlock. */
const OF_THE_ROW = /^(22|23|40P01)/;

/**
 * Writes what is planned. A row that cannot be written any more, because somebody was faster, is refused; it takes
 * with it only those that need what it would have made.
 */
export async function writeImport(db: Database, plans: readonly Plan[], writing: Writing): Promise<void> {
  const revisions = new Map<string, number>();
  const pool = prepared(db);
  for (const units of inTransactions(plans)) {
    const ready = units.filter((unit) => canBeWritten(unit));
    const writer = new Writer(writing, revisions);
    const woken = await pool.transaction((tx) => writer.writeAll(tx, ready));
    writing.wake(woken);
  }
}

function canBeWritten(unit: Unit): boolean {
  const missing = unit.flatMap(({ makers }) => makers).find((maker) => maker.problems.length > 0);
  if (!missing) return true;
  for (const { draft } of unit)
    refuse(draft, undefined, {
      code: "request.stale",
      rule: `needs what line ${missing.row.line} would have made, which could not be written`,
    });
  return false;
}

class Writer {
  readonly #writing: Writing;
  /** Of devices that this import has made or edited. */
  readonly #revisions: Map<string, number>;

  constructor(writing: Writing, revisions: Map<string, number>) {
    this.#writing = writing;
    this.#revisions = revisions;
  }

  /** All at once; if that fails, each unit by itself, so that only those fail that must. */
  async writeAll(tx: Transaction, units: readonly Unit[]): Promise<OperationRef[]> {
    try {
      return await this.#inSavepoint(tx, units.flat());
    } catch (error) {
      if (!isOfTheRow(error)) throw error;
    }
    const woken: OperationRef[] = [];
    for (const unit of units)
      try {
        woken.push(...(await this.#inSavepoint(tx, unit)));
      } catch (error) {
        if (!isOfTheRow(error)) throw error;
        for (const { draft } of unit) refuseWith(draft, error);
      }
    return woken;
  }

  async #inSavepoint(tx: Transaction, plans: Unit): Promise<OperationRef[]> {
    const before = new Map(this.#revisions);
    try {
      return await tx.transaction((inner) => this.#write(inner, plans));
    } catch (error) {
      for (const [id, revision] of before) this.#revisions.set(id, revision);
      for (const id of this.#revisions.keys()) if (!before.has(id)) this.#revisions.delete(id);
      throw error;
    }
  }

  async #write(tx: Transaction, plans: Unit): Promise<OperationRef[]> {
    await holdPolicies(tx);
    await lockStored(tx, plans);
    const audit = await this.#create(tx, plans);
    const woken: OperationRef[] = [];
    const byDevice = Map.groupBy(plans, ({ deviceId }) => deviceId);
    await all([...byDevice.keys()].toSorted(), async (id) => {
      for (const { device } of byDevice.get(id) ?? [])
        if (device?.kind === "edit") audit.push(await this.#editDevice(tx, device));
    });
    const [moving, staying] = [plans.filter(movesParent), plans.filter((plan) => !movesParent(plan))];
    // Each looks for a circle among the parents that the one before has left.
    for (const { credential } of parentsFirst(moving))
      if (credential?.kind === "edit") audit.push(await editAccount(tx, credential));
    await all(staying, async ({ credential }) => {
      if (credential?.kind === "edit") audit.push(await editAccount(tx, credential));
    });
    await all(plans, async (plan) => {
      if (plan.credential?.kind !== "create") woken.push(...(await this.#storePassword(tx, plan)));
    });
    await auditObjects(tx, this.#writing.actor, audit);
    return woken;
  }

  /** One statement a table: rows of one statement may refer to each other in any order. */
  async #create(tx: Transaction, plans: Unit): Promise<AuditRow[]> {
    const newDevices = plans.flatMap(({ device }) => (device?.kind === "create" ? [device] : []));
    const accounts = plans.flatMap((plan) =>
      plan.credential?.kind === "create" ? [{ plan, ...plan.credential }] : [],
    );
    const versions = accounts.flatMap(({ id, plan }) => {
      const { password } = plan.draft.row;
      const binding = { versionId: newId(), credentialId: id, version: 1 };
      return password ? [{ ...binding, sealed: this.#writing.seal(password, binding) }] : [];
    });
    if (newDevices.length > 0) await tx.insert(devices).values(newDevices.map(({ values }) => values));
    if (accounts.length > 0) await tx.insert(credentials).values(accounts.map(({ values }) => values));
    await resolveCredentials(
      tx,
      accounts.map(({ id }) => id),
    );
    const promotedAt = sql`now()`;
    if (versions.length > 0)
      await tx.insert(secretVersions).values(
        versions.map(({ versionId: id, ...version }) => ({
          ...version,
          id,
          status: "current" as const,
          origin: "stored" as const,
          promotedAt,
        })),
      );
    for (const { id } of newDevices) this.#revisions.set(id, 1);
    return [
      ...newDevices.map(({ id }) => ({ action: "device.created", objectType: "device" as const, objectId: id })),
      ...accounts.map(({ id }) => ({ action: "credential.created", objectType: "credential" as const, objectId: id })),
      ...versions.map(({ credentialId: objectId, version }) => ({
        action: "credential.password-stored",
        objectType: "credential" as const,
        objectId,
        details: { version, discarded: [], reason: REASON },
      })),
    ];
  }

  async #editDevice(tx: Transaction, edit: Extract<Plan["device"], { kind: "edit" }>): Promise<AuditRow> {
    const { id, patch } = edit;
    const edited = await editDevice(tx, { id, patch, revision: this.#revisions.get(id) ?? edit.revision });
    this.#revisions.set(id, edited.revision);
    return { action: "device.edited", objectType: "device", objectId: id, details: { fields: Object.keys(patch) } };
  }

  async #storePassword(tx: Transaction, { draft, passwordAfter }: Plan): Promise<OperationRef[]> {
    const { password } = draft.row;
    if (!password || passwordAfter === undefined || draft.id === undefined) return [];
    const { version, wake } = await storePassword(tx, {
      credentialId: draft.id,
      seal: (binding) => this.#writing.seal(password, binding),
      reason: REASON,
      resolves: false,
      actor: this.#writing.actor,
    });
    // A change was promoted since the passwords were compared: the file's is older than that one.
    if (version !== passwordAfter + 1) throw new ApiProblem("request.stale");
    return wake;
  }
}

/** Open operations, then accounts, each in the order of ids, as all bulk work takes them. */
async function lockStored(tx: Transaction, plans: Unit): Promise<void> {
  const known = plans.filter(({ credential }) => credential?.kind !== "create");
  const idsOf = (some: Unit) => uuidArray(some.flatMap(({ draft }) => draft.id ?? []));
  const stored = idsOf(known.filter(({ passwordAfter }) => passwordAfter !== undefined));
  const edited = idsOf(known.filter(({ credential }) => credential !== undefined));
  await tx.execute(sql`select from operations where open_credential_id = any(${stored}) order by code for update`);
  await tx.execute(sql`select from credentials where id = any(${stored}) order by id for update`);
  await tx.execute(sql`select from credentials where id = any(${edited}) order by id for no key update`);
}

async function editAccount(
  tx: Transaction,
  { id, revision, patch }: Extract<Plan["credential"], { kind: "edit" }>,
): Promise<AuditRow> {
  await editCredential(tx, { id, revision, patch: wantedPatch(patch) });
  return {
    action: "credential.edited",
    objectType: "credential",
    objectId: id,
    details: { fields: Object.keys(patch) },
  };
}

/** Begins all in their order and ends when all have: nothing of it comes after a rollback. */
async function all<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const failed = (await Promise.allSettled(items.map(work))).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

function isOfTheRow(error: unknown): boolean {
  return error instanceof ApiProblem || OF_THE_ROW.test(postgresFault(error)?.code ?? "");
}

function refuseWith(draft: Draft, error: unknown): void {
  const fault = postgresFault(error);
  if (error instanceof ApiProblem && error.code !== "request.stale")
    refuse(draft, undefined, { code: error.code, rule: error.message });
  else if (fault?.code === "23505")
    refuse(draft, undefined, {
      code: "request.conflict",
      rule: "must not be what was registered by somebody else meanwhile; import the file again",
    });
  else
    refuse(draft, undefined, {
      code: "request.stale",
      rule: "must not be changed by somebody else meanwhile; import the file again",
    });
}
