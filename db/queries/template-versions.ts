/** What was written into a template, when and by whom, and who let it run. */
import { and, desc, eq, lt, sql } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import type { TemplateVersion } from "../../contracts/templates.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { templates, templateVersions } from "../schema/index.ts";
import { samePerson } from "./approval-levels.ts";
import { type Page, readCursor, toPage } from "./cursor.ts";
import { lockTemplate, readTemplateTexts, type TemplateTexts } from "./templates.ts";

type Row = typeof templateVersions.$inferSelect;
/** A version, and the text before it: null for the first. */
export type VersionTexts = Omit<TemplateVersion, "diff"> & { readonly before: string | null };

function stateOf(
  row: Row,
  { activeVersion, latestVersion }: Pick<TemplateTexts, "activeVersion" | "latestVersion">,
): TemplateVersion["state"] {
  if (row.version === activeVersion) return "active";
  if (row.decision === "rejected") return "rejected";
  return row.version === latestVersion && row.decision === null ? "pending" : "former";
}

/** Latest first. @throws ApiProblem `template.not-found` */
export async function listTemplateVersions(
  db: Database,
  id: string,
  query: { cursor?: string | undefined; limit: number },
): Promise<Page<VersionTexts>> {
  const template = await readTemplateTexts(db, id);
  const after = readCursor(query)?.[0];
  const rows = await db
    .select()
    .from(templateVersions)
    .where(
      and(
        eq(templateVersions.templateId, id),
        after === undefined ? undefined : lt(templateVersions.version, Number(after)),
      ),
    )
    .orderBy(desc(templateVersions.version))
    // The one too many is what the last of the page is compared with, too.
    .limit(query.limit + 1);
  const versions = rows.map((row, index) => ({
    version: row.version,
    state: stateOf(row, template),
    author: row.author,
    at: row.at.toISOString(),
    decidedBy: row.decidedBy,
    decidedAt: row.decidedAt?.toISOString() ?? null,
    comment: row.comment,
    body: row.body,
    before: rows[index + 1]?.body ?? null,
  }));
  return toPage<VersionTexts, typeof query>(versions, query, ({ version }) => [version]);
}

export interface VersionDecision {
  readonly id: string;
  readonly version: number;
  readonly decision: "approved" | "rejected";
  readonly person: string;
  readonly comment: string;
}

/**
 * Takes a second person's decision about the latest version: approved, it is the one that runs.
 * @throws ApiProblem `template.not-found`, `template.not-pending`, `template.own-version`
 */
export async function decideTemplateVersion(tx: Transaction, asked: VersionDecision): Promise<void> {
  const { id, version, decision, person, comment } = asked;
  const { activeVersion } = await lockTemplate(tx, id);
  const [last] = await tx
    .select()
    .from(templateVersions)
    .where(eq(templateVersions.templateId, id))
    .orderBy(desc(templateVersions.version))
    .limit(1);
  if (last?.version !== version || last.decision !== null || version === activeVersion)
    throw new ApiProblem("template.not-pending");
  if (samePerson(last.author, person)) throw new ApiProblem("template.own-version");
  await tx
    .update(templateVersions)
    .set({ decision, decidedBy: person, decidedAt: sql`now()`, comment })
    .where(and(eq(templateVersions.templateId, id), eq(templateVersions.version, version)));
  await tx
    .update(templates)
    .set({
      revision: sql`${templates.revision} + 1`,
      updatedAt: sql`now()`,
      ...(decision === "approved" ? { activeVersion: version } : {}),
    })
    .where(eq(templates.id, id));
}
