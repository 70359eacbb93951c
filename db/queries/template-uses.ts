/** Which credentials and operations name a template, and whether they may. */
import { eq, inArray, sql } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import { isPasswordKind } from "../../contracts/states.ts";
import type { TemplateUse } from "../../contracts/templates.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { credentials, devices, templates } from "../schema/index.ts";

/** So many are named; all are counted. */
const NAMED = 200;

const usedBy = (id: string) =>
  sql`${credentials.active} and (${credentials.templateId} = ${id} or ${credentials.reconciliationTemplateId} = ${id})`;

/** The active credentials that name it, by user name. */
export async function readTemplateUses(
  db: Database | Transaction,
  id: string,
): Promise<{ uses: TemplateUse[]; useCount: number }> {
  const rows = await db
    .select({
      credentialId: credentials.id,
      username: credentials.username,
      domain: credentials.domain,
      device: devices.name,
      as: sql<TemplateUse["as"]>`case when ${credentials.templateId} = ${id} then 'change' else 'reconciliation' end`,
      all: sql<number>`(count(*) over ())::int`,
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .where(usedBy(id))
    .orderBy(credentials.username, credentials.id)
    .limit(NAMED);
  return { uses: rows.map(({ all: _all, ...use }) => use), useCount: rows[0]?.all ?? 0 };
}

/** @throws ApiProblem `template.in-use` */
export async function refuseInUse(tx: Transaction, id: string): Promise<void> {
  const [found] = await tx.execute<{ used: number; open: number }>(sql`select
    (select count(*)::int from credentials where ${usedBy(id)}) as used,
    (select count(*)::int from operations where template_id = ${id}
      and state in ('scheduled', 'awaiting-approval', 'running')) as open`);
  const { used = 0, open = 0 } = found ?? {};
  if (used + open === 0) return;
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  throw new ApiProblem(
    "template.in-use",
    `${count(used, "active credential")} and ${count(open, "open operation")} name it.`,
  );
}

/**
 * Refuses the templates that a stored credential names, unless they run, are of the plugin that would carry them out,
 * and set a password. Holds the templates, so that none is switched off meanwhile.
 * @throws ApiProblem `template.not-active`, `template.unfit`
 */
export async function refuseUnfitTemplates(tx: Transaction, credentialId: string): Promise<void> {
  const [row] = await tx.select().from(credentials).where(eq(credentials.id, credentialId));
  if (!row) return;
  const chosen = [
    { field: "templateId", id: row.templateId, plugin: row.plugin },
    {
      field: "reconciliation.templateId",
      id: row.reconciliationTemplateId,
      plugin: row.reconciliationPlugin ?? row.plugin,
    },
  ];
  const ids = chosen.flatMap(({ id }) => (id === null ? [] : [id]));
  if (ids.length === 0) return;
  const found = await tx.select().from(templates).where(inArray(templates.id, ids)).for("share");
  for (const { field, id, plugin } of chosen) {
    if (id === null) continue;
    const template = found.find((each) => each.id === id);
    if (!template?.active || template.activeVersion === null)
      throw new ApiProblem("template.not-active", `${field}: the template is switched off, or was not approved yet.`);
    if (template.plugin !== plugin || !isPasswordKind(template.kind))
      throw new ApiProblem(
        "template.unfit",
        `${field}: the template is of plugin ${template.plugin} and kind ${template.kind}; the plugin here is ${plugin}.`,
      );
  }
}
