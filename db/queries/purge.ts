import { sql } from "drizzle-orm";
import type { Database, Transaction } from "../client.ts";
import { auditObject, WORKER } from "./audit.ts";

/**
 * Destroys the sealed values whose time is over, oldest first. What is current, previous or may still be live is kept,
 * whatever its time says.
 * @param limit values one call destroys at most
 * @returns how many it destroyed
 */
export async function purgeExpired(db: Database | Transaction, limit: number): Promise<number> {
  return db.transaction(async (tx) => {
    const purged = await tx.execute(sql`
      with expired as (
        select id from secret_versions
        where purge_after < now() and sealed is not null and status in ('retired', 'discarded')
        order by purge_after limit ${limit} for update skip locked)
      update secret_versions v set sealed = null from expired where v.id = expired.id returning 1`);
    if (purged.length > 0)
      await auditObject(tx, WORKER, {
        action: "versions.purged",
        objectType: "versions",
        objectId: "",
        details: { count: purged.length },
      });
    return purged.length;
  });
}
