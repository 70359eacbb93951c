/** What is stored of the devices and accounts that a file names: a few statements, however many rows it has. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../../client.ts";
import { credentials, devices, operations, secretVersions } from "../../schema/index.ts";
import { uuidArray } from "../eligibility.ts";
import type { ImportRow } from "./row.ts";

export type StoredDevice = typeof devices.$inferSelect;
export type StoredCredential = typeof credentials.$inferSelect;

/** A step up from a credential to its parent. */
export interface Ancestor {
  readonly parentId: string | null;
  /** `user@device`, as a person reads it. */
  readonly name: string;
}

export interface Stored {
  /** The device names of the file, each with what it is compared by. */
  readonly keys: ReadonlyMap<string, string>;
  /** Active devices, by that. */
  readonly devices: ReadonlyMap<string, StoredDevice>;
  /** Active and inactive accounts, by {@link accountKey}. */
  readonly accounts: ReadonlyMap<string, readonly StoredCredential[]>;
  /** Every credential that is, or stands above, one that the file names, by id. */
  readonly ancestors: ReadonlyMap<string, Ancestor>;
}

export function accountKey(deviceId: string, username: string): string {
  return `${deviceId} ${username}`;
}

/** Reads what the rows name: their own devices and accounts, and those that they refer to. */
export async function readStored(db: Database, rows: readonly ImportRow[]): Promise<Stored> {
  const named = rows.flatMap((row) => [
    { host: row.host, username: row.account?.username },
    ...Object.values(row.references).flatMap((reference) => reference ?? []),
  ]);
  const hosts = await readDevices(db, [...new Set(named.map(({ host }) => host))]);
  const pairs = new Map<string, { device: string; username: string }>();
  for (const { host, username } of named) {
    const device = hosts.devices.get(hosts.keys.get(host) ?? "");
    if (device && username !== undefined) pairs.set(accountKey(device.id, username), { device: device.id, username });
  }
  const accounts = await readAccounts(db, [...pairs.values()]);
  const ids = [...accounts.values()].flat().map(({ id }) => id);
  return { ...hosts, accounts, ancestors: await readAncestors(db, ids) };
}

/** PostgreSQL folds the names, as its unique index does. */
async function readDevices(db: Database, names: readonly string[]): Promise<Pick<Stored, "keys" | "devices">> {
  const given = sql`jsonb_array_elements_text(${JSON.stringify(names)}::jsonb)`;
  const keys = await db.execute<{ name: string; key: string }>(
    sql`select n as name, lower(n) as key from ${given} as n`,
  );
  const rows = await db
    .select({ key: sql<string>`lower(${devices.name})`, device: devices })
    .from(devices)
    .where(and(eq(devices.active, true), sql`lower(${devices.name}) in (select lower(n) from ${given} as n)`));
  return {
    keys: new Map(keys.map(({ name, key }) => [name, key])),
    devices: new Map(rows.map(({ key, device }) => [key, device])),
  };
}

async function readAccounts(
  db: Database,
  pairs: readonly { device: string; username: string }[],
): Promise<Map<string, StoredCredential[]>> {
  const rows = await db
    .select()
    .from(credentials)
    .where(
      sql`(${credentials.deviceId}, ${credentials.username}) in (select device, username
        from jsonb_to_recordset(${JSON.stringify(pairs)}::jsonb) as p(device uuid, username text))`,
    )
    .orderBy(credentials.id);
  return Map.groupBy(rows, (row) => accountKey(row.deviceId, row.username));
}

async function readAncestors(db: Database, ids: readonly string[]): Promise<Map<string, Ancestor>> {
  const rows = await db.execute<{ id: string; parent: string | null; name: string }>(sql`
    with recursive up as (
      select id, parent_credential_id as parent from credentials where id = any(${uuidArray(ids)})
      union
      select c.id, c.parent_credential_id from credentials c join up on c.id = up.parent)
    select up.id, up.parent, c.username || '@' || d.name as name
    from up join credentials c on c.id = up.id join devices d on d.id = c.device_id`);
  return new Map(rows.map(({ id, parent, name }) => [id, { parentId: parent, name }]));
}

/** What decides about a password that a row gives for a credential. */
export interface StoredPassword {
  readonly current: { readonly id: string; readonly version: number; readonly sealed: Buffer | null } | null;
  /** The highest number that any version has. */
  readonly lastVersion: number;
  /** Number of a new password whose fate is not proven. */
  readonly unresolved: number | null;
  /** The operation that is open. */
  readonly openCode: number | null;
}

/** The state of these credentials' passwords, by credential. */
export async function readPasswords(db: Database, ids: readonly string[]): Promise<Map<string, StoredPassword>> {
  const isOneOf = (column: typeof secretVersions.credentialId | typeof operations.openCredentialId) =>
    sql`${column} = any(${uuidArray(ids)})`;
  const [versions, last, open] = await Promise.all([
    db
      .select()
      .from(secretVersions)
      .where(
        and(isOneOf(secretVersions.credentialId), inArray(secretVersions.status, ["current", "candidate", "doubtful"])),
      ),
    db
      .select({ id: secretVersions.credentialId, version: sql<number>`max(${secretVersions.version})::int` })
      .from(secretVersions)
      .where(isOneOf(secretVersions.credentialId))
      .groupBy(secretVersions.credentialId),
    db
      .select({ id: operations.openCredentialId, code: operations.code })
      .from(operations)
      .where(isOneOf(operations.openCredentialId)),
  ]);
  const byCredential = Map.groupBy(versions, ({ credentialId }) => credentialId);
  const lastVersions = new Map(last.map(({ id, version }) => [id, version]));
  const openCodes = new Map(open.map(({ id, code }) => [id, code]));
  return new Map(
    ids.map((id) => {
      const kept = byCredential.get(id) ?? [];
      const state: StoredPassword = {
        current: kept.find(({ status }) => status === "current") ?? null,
        unresolved: kept.find(({ status }) => status !== "current")?.version ?? null,
        lastVersion: lastVersions.get(id) ?? 0,
        openCode: openCodes.get(id) ?? null,
      };
      return [id, state];
    }),
  );
}
