/** What checks and identifications read and write. */
import { eq, sql } from "drizzle-orm";
import type { Database } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import { accountKey } from "./login-budget.ts";
import { readCurrent } from "./stage-facts.ts";
import { templateText } from "./template-text.ts";

/** A credential with its device and current version; undefined when it does not exist. */
export async function readForCheck(db: Database, credentialId: string) {
  const [row] = await db
    .select({ credential: credentials, device: devices, ownTemplate: templateText(credentials.templateId) })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .where(eq(credentials.id, credentialId));
  if (!row) return undefined;
  return { ...row, current: await readCurrent(db, credentialId), account: accountKey(row.credential) };
}

/** A device with the plugin kinds of its active credentials; undefined when it does not exist. */
export async function readForIdentify(db: Database, deviceId: string) {
  const [device] = await db.select().from(devices).where(eq(devices.id, deviceId));
  if (!device) return undefined;
  const kinds = await db
    .selectDistinct({ plugin: credentials.plugin })
    .from(credentials)
    .where(sql`${credentials.deviceId} = ${deviceId} and ${credentials.active}`);
  return { device, kinds: kinds.map(({ plugin }) => plugin) };
}

/** Keeps what a device showed of itself. Nothing trusts it until a person pins it. */
export async function noteIdentity(db: Database, deviceId: string, identity: string): Promise<void> {
  await db
    .update(devices)
    .set({ seenIdentity: identity, seenIdentityAt: sql`now()` })
    .where(eq(devices.id, deviceId));
}
