import { and, eq, sql } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { settings } from "../schema/index.ts";

/** The global settings, defaults filled in. */
export async function readSettings(db: Database | Transaction): Promise<Settings> {
  const [row] = await db.select().from(settings).where(eq(settings.id, 1));
  return Settings.parse(row?.values ?? {});
}

/** The settings with the revision that an edit must name. */
export async function readSettingsRow(db: Database | Transaction): Promise<{ values: Settings; revision: number }> {
  const [row] = await db.select().from(settings).where(eq(settings.id, 1));
  return { values: Settings.parse(row?.values ?? {}), revision: row?.revision ?? 1 };
}

/** Sets what the patch names and leaves the rest. @throws ApiProblem `request.stale` */
export async function editSettings(
  tx: Transaction,
  edit: { revision: number; patch: { [Name in keyof Settings]?: Settings[Name] | undefined } },
): Promise<{ values: Settings; revision: number }> {
  const [row] = await tx
    .update(settings)
    .set({
      values: sql`${settings.values} || ${JSON.stringify(edit.patch)}::jsonb`,
      revision: edit.revision + 1,
    })
    .where(and(eq(settings.id, 1), eq(settings.revision, edit.revision)))
    .returning();
  if (!row) throw new ApiProblem("request.stale");
  return { values: Settings.parse(row.values), revision: row.revision };
}
