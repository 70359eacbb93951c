/** Devices, credentials and operations of a test, put into the database the way the API does, and looked at afterwards. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { asc, eq } from "drizzle-orm";
import { Secret } from "../../contracts/secret.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { OperationAction, OperationState } from "../../contracts/states.ts";
import { openVault } from "../../crypto/check-value.ts";
import type { Vault } from "../../crypto/envelope.ts";
import { type Database, openDatabase } from "../../db/client.ts";
import { throwRefusal } from "../../db/queries/action-lock.ts";
import { withEncryptionKeys } from "../../db/queries/encryption-keys.ts";
import { act } from "../../db/queries/operation-actions.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import { newId } from "../../db/new-id.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { freshDatabase } from "./database.ts";
import { freshNamespace } from "./temporal.ts";
import type { Surroundings } from "./worker.ts";

type NewDevice = Omit<typeof schema.devices.$inferInsert, "id" | "name"> & { name?: string };
type NewCredential = Omit<typeof schema.credentials.$inferInsert, "id" | "automaticChange"> & { password?: string };

/** Settings under which trouble is over in seconds. */
const QUICK: Partial<Settings> = {
  intervalMinutes: 0,
  heartbeatSeconds: 4,
  leaseSeconds: 5,
  probeSeconds: 1,
  probes: 6,
  breakerSeconds: 0,
  connectTimeoutSeconds: 5,
  readTimeoutSeconds: 5,
  driftHours: 0,
};

export class Estate {
  readonly surroundings: Surroundings;
  readonly db: Database;
  readonly vault: Vault;
  readonly #close: () => Promise<void>;

  private constructor(surroundings: Surroundings, opened: { db: Database; vault: Vault; close: () => Promise<void> }) {
    this.surroundings = surroundings;
    this.db = opened.db;
    this.vault = opened.vault;
    this.#close = opened.close;
  }

  /** An empty estate on a database and a Temporal namespace of its own. */
  static async open(settings: Partial<Settings> = {}, on: Partial<Surroundings> = {}): Promise<Estate> {
    const database = on.databaseUrl ? undefined : await freshDatabase();
    const surroundings: Surroundings = {
      databaseUrl: on.databaseUrl ?? database?.url ?? "",
      temporal: on.temporal ?? (await freshNamespace()),
      key: randomBytes(32).toString("base64"),
    };
    const { db, close } = openDatabase(surroundings.databaseUrl, { connections: 5, name: "test" });
    await db.update(schema.settings).set({ values: { ...QUICK, ...settings } });
    const { vault } = await openVault({
      exclusively: (work) => withEncryptionKeys(db, work),
      key: surroundings.key,
      keyFile: "",
    });
    return new Estate(surroundings, {
      db,
      vault,
      close: async () => {
        await close();
        await database?.drop();
      },
    });
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async addDevice(device: NewDevice): Promise<string> {
    const id = newId();
    await this.db.insert(schema.devices).values({ name: `device-${id}`, ...device, id });
    return id;
  }

  /** How many changes may run on the device at once. */
  async setPermits(deviceId: string, permits: number): Promise<void> {
    await this.db.update(schema.devices).set({ permits }).where(eq(schema.devices.id, deviceId));
  }

  /** A credential with automatic change, and its present password. */
  async addCredential({ password, ...credential }: NewCredential): Promise<string> {
    const id = newId();
    await this.db.insert(schema.credentials).values({ ...credential, id, automaticChange: true });
    if (password !== undefined) await this.storeVersion(id, password);
    return id;
  }

  async storeVersion(credentialId: string, password: string): Promise<void> {
    const versionId = newId();
    const sealed = this.vault.seal(new Secret(password), { versionId, credentialId, version: 1 });
    await this.db
      .insert(schema.secretVersions)
      .values({ id: versionId, credentialId, version: 1, status: "current", origin: "stored", sealed });
  }

  /** Requests a change of each; all must be accepted. Codes in the order of the ids. */
  async request(...credentialIds: string[]): Promise<number[]> {
    const accepted = await this.db.transaction((tx) =>
      requestChanges(tx, {
        credentialIds,
        reason: "test",
        actor: { actor: "test", person: "tester" },
        plugins: PLUGINS,
      }),
    );
    if (accepted.refused.length > 0) throw new Error(`refused: ${JSON.stringify(accepted.refused)}`);
    const codes = new Map(accepted.operations.map(({ credentialId, code }) => [credentialId, code]));
    return credentialIds.map((id) => codes.get(id) ?? 0);
  }

  /** Does as a person, in one transaction. @throws ApiProblem when it is refused */
  async act(action: OperationAction, code: number, person = "tester"): Promise<void> {
    await this.db.transaction(async (tx) => {
      const actor = { actor: "test", person };
      const { outcomes } = await act(tx, action, { codes: [code], actor, plugins: PLUGINS });
      outcomes.forEach(throwRefusal);
    });
  }

  async operation(code: number) {
    const [row] = await this.db.select().from(schema.operations).where(eq(schema.operations.code, code));
    if (!row) throw new Error(`no operation ${code}`);
    return row;
  }

  /** Waits until the operation is in one of the states. */
  async until(code: number, states: readonly OperationState[] = ["succeeded", "error"], withinMs = 400_000) {
    const giveUpAt = Date.now() + withinMs;
    for (;;) {
      const row = await this.operation(code);
      if (states.includes(row.state)) return row;
      if (Date.now() > giveUpAt)
        throw new Error(
          `operation ${code} stays ${row.state}: ${JSON.stringify({ row, attempts: await this.attempts(code) })}`,
        );
      await sleep(50);
    }
  }

  attempts(code: number) {
    return this.db
      .select()
      .from(schema.attempts)
      .where(eq(schema.attempts.operationCode, code))
      .orderBy(asc(schema.attempts.number));
  }

  audit(code: number) {
    return this.db
      .select()
      .from(schema.audit)
      .where(eq(schema.audit.operationCode, code))
      .orderBy(asc(schema.audit.id));
  }

  versions(credentialId: string) {
    return this.db
      .select()
      .from(schema.secretVersions)
      .where(eq(schema.secretVersions.credentialId, credentialId))
      .orderBy(asc(schema.secretVersions.version));
  }

  /** The clear text of a version. */
  open(version: { id: string; credentialId: string; version: number; sealed: Buffer | null }): string {
    if (!version.sealed) throw new Error(`version ${version.version} was purged`);
    const { id: versionId, credentialId, version: number } = version;
    return this.vault.open(version.sealed, { versionId, credentialId, version: number }).reveal();
  }

  async currentPassword(credentialId: string): Promise<string> {
    const current = (await this.versions(credentialId)).find(({ status }) => status === "current");
    if (!current) throw new Error("no current version");
    return this.open(current);
  }
}
