/** What a rehearsal reads, and keeps for the person who waits for it. */
import { eq, sql } from "drizzle-orm";
import type { Rehearsal } from "../../contracts/templates.schema.ts";
import type { Database } from "../client.ts";
import { credentials, rehearsals } from "../schema/index.ts";
import { readCurrent, readParties } from "./stage-facts.ts";

/** Who would take part in a change of the credential now, and the password that would log in for it. */
export async function readForRehearsal(db: Database, credentialId: string) {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(credentials).where(eq(credentials.id, credentialId));
    if (!row) return undefined;
    const { deviceId, policyId } = row;
    const parties = await readParties(tx, {
      credentialId,
      kind: "change-password",
      policyId,
      templateId: null,
      parameters: {},
      loginCredentialId: null,
      deviceId,
    });
    return parties && { ...parties, current: await readCurrent(tx, parties.authenticator.id) };
  });
}

/** Keeps what it saw, and forgets what older ones saw. */
export async function noteRehearsal(db: Database, seen: typeof rehearsals.$inferInsert): Promise<void> {
  await db.delete(rehearsals).where(sql`${rehearsals.at} < now() - interval '1 day'`);
  await db.insert(rehearsals).values(seen).onConflictDoNothing();
}

/** What it saw; undefined when it did not get as far as the device. */
export async function readRehearsal(db: Database, id: string): Promise<Rehearsal | undefined> {
  const [row] = await db.select().from(rehearsals).where(eq(rehearsals.id, id));
  return row;
}
