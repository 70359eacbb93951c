import { and, desc, eq, lt } from "drizzle-orm";
import type { AuditEntry, AuditQuery } from "../../contracts/administration.schema.ts";
import type { Database } from "../client.ts";
import { audit } from "../schema/index.ts";
import { type Page, readCursor, toPage } from "./cursor.ts";

/** Newest first. */
export async function listAudit(db: Database, query: AuditQuery): Promise<Page<AuditEntry>> {
  const after = readCursor(query)?.[0];
  const rows = await db
    .select()
    .from(audit)
    .where(
      and(
        query.action === undefined ? undefined : eq(audit.action, query.action),
        query.actor === undefined ? undefined : eq(audit.actor, query.actor),
        query.objectType === undefined ? undefined : eq(audit.objectType, query.objectType),
        query.objectId === undefined ? undefined : eq(audit.objectId, query.objectId),
        query.operationCode === undefined ? undefined : eq(audit.operationCode, query.operationCode),
        after === undefined ? undefined : lt(audit.id, Number(after)),
      ),
    )
    .orderBy(desc(audit.id))
    .limit(query.limit + 1);
  return toPage(
    rows.map((row) => ({ ...row, at: row.at.toISOString() })),
    query,
    (row) => [row.id],
  );
}
