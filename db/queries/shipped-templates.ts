/** Templates that come with Keyturn: a newer Keyturn brings newer texts, which nobody has to approve. */
import { and, eq, sql } from "drizzle-orm";
import type { OperationKind } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { templates, templateVersions } from "../schema/index.ts";
import { type Actor, auditObject } from "./audit.ts";

export interface ShippedTemplate {
  readonly name: string;
  readonly plugin: string;
  readonly kind: OperationKind;
  readonly body: string;
}

/** Who wrote and approved them. */
const KEYTURN = "keyturn";
const actor: Actor = { actor: KEYTURN };
/** Any number nobody else takes: processes that start at once would make everything twice. */
const LOCK = 7_204_190_006;

/**
 * Stores what is new or different. One that was switched off stays so; where a template of a person has the name, it
 * keeps it, and ours is left out.
 */
export async function storeShipped(db: Database, shipped: readonly ShippedTemplate[]): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
    const known = await readShipped(tx);
    for (const template of shipped) {
      const before = known.get(keyOf(template));
      if (!before) await create(tx, template);
      else if (before.body !== template.body) await update(tx, before, template.body);
    }
  });
}

function keyOf({ plugin, kind, name }: Omit<ShippedTemplate, "body">): string {
  return JSON.stringify([plugin, kind, name.toLowerCase()]);
}

async function readShipped(tx: Transaction) {
  const rows = await tx
    .select({ template: templates, body: templateVersions.body, version: templateVersions.version })
    .from(templates)
    .innerJoin(
      templateVersions,
      and(eq(templateVersions.templateId, templates.id), eq(templateVersions.version, templates.activeVersion)),
    )
    .where(eq(templates.shipped, true));
  return new Map(rows.map(({ template, ...text }) => [keyOf(template), { ...text, id: template.id }]));
}

async function create(tx: Transaction, { body, ...row }: ShippedTemplate): Promise<void> {
  const id = newId();
  const [made] = await tx
    .insert(templates)
    .values({ ...row, id, shipped: true, activeVersion: 1 })
    .onConflictDoNothing()
    .returning();
  if (made) await addVersion(tx, { id, version: 1, body }, "template.created");
}

async function update(tx: Transaction, { id, version }: { id: string; version: number }, body: string): Promise<void> {
  await tx
    .update(templates)
    .set({ activeVersion: version + 1, revision: sql`${templates.revision} + 1`, updatedAt: sql`now()` })
    .where(eq(templates.id, id));
  await addVersion(tx, { id, version: version + 1, body }, "template.edited");
}

async function addVersion(
  tx: Transaction,
  { id, version, body }: { id: string; version: number; body: string },
  action: string,
): Promise<void> {
  await tx.insert(templateVersions).values({
    templateId: id,
    version,
    body,
    author: KEYTURN,
    decision: "approved",
    decidedBy: KEYTURN,
    decidedAt: sql`now()`,
  });
  await auditObject(tx, actor, { action, objectType: "template", objectId: id, details: { version } });
}
