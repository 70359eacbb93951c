/** Templates as rows: what was written, by whom, and which of its versions runs. */
import { and, asc, desc, eq, gt, ilike, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { ApiProblem } from "../../contracts/problem.ts";
import type { OperationKind } from "../../contracts/states.ts";
import type { Template, TemplateInput, TemplatePatch, TemplateQuery } from "../../contracts/templates.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { violatedConstraint } from "../postgres-error.ts";
import { templates, templateVersions } from "../schema/index.ts";
import { contains, type Page, readCursor, toPage } from "./cursor.ts";
import { readSettings } from "./settings.ts";
import { refuseInUse } from "./template-uses.ts";

const latest = alias(templateVersions, "latest_version");
const running = alias(templateVersions, "running_version");

/** Whether a version waits for a second person: nobody decided it, and a version that nobody had to decide runs. */
const pending = sql<boolean>`(${latest.decision} is null and ${latest.version} is distinct from ${templates.activeVersion})`;

const about = { template: templates, latestVersion: latest.version, author: latest.author, pending };
const isLatest = sql`${latest.templateId} = ${templates.id} and ${latest.version} = (select max(v.version)
  from template_versions v where v.template_id = ${templates.id})`;

type About = Pick<Template, "latestVersion" | "author" | "pending"> & {
  readonly template: typeof templates.$inferSelect;
};

function toTemplate({ template, ...rest }: About): Template {
  return {
    ...template,
    ...rest,
    createdAt: template.createdAt.toISOString(),
    updatedAt: template.updatedAt.toISOString(),
  };
}

/** A template with both texts. */
export type TemplateTexts = Template & { readonly latestBody: string; readonly activeBody: string | null };

async function selectTexts(db: Database | Transaction, which: SQL | undefined): Promise<TemplateTexts | undefined> {
  const [row] = await db
    .select({ ...about, latestBody: latest.body, activeBody: running.body })
    .from(templates)
    .innerJoin(latest, isLatest)
    .leftJoin(running, and(eq(running.templateId, templates.id), eq(running.version, templates.activeVersion)))
    .where(which);
  if (!row) return undefined;
  const { latestBody, activeBody, ...rest } = row;
  return { ...toTemplate(rest), latestBody, activeBody };
}

/** @throws ApiProblem `template.not-found` */
export async function readTemplateTexts(db: Database | Transaction, id: string): Promise<TemplateTexts> {
  const found = await selectTexts(db, eq(templates.id, id));
  if (!found) throw new ApiProblem("template.not-found");
  return found;
}

/** The active template of this name, plugin and kind; undefined when there is none. */
export async function findTemplate(
  db: Database | Transaction,
  { name, plugin, kind }: Pick<TemplateInput, "name" | "plugin" | "kind">,
): Promise<TemplateTexts | undefined> {
  const named = sql`lower(${templates.name}) = lower(${name})`;
  return selectTexts(
    db,
    and(eq(templates.active, true), eq(templates.plugin, plugin), eq(templates.kind, kind), named),
  );
}

/** Oldest first, without the texts. */
export async function listTemplates(db: Database, query: TemplateQuery): Promise<Page<Template>> {
  const after = readCursor(query)?.[0];
  const equal = <T>(wanted: T | undefined, is: (value: T) => SQL) => (wanted === undefined ? undefined : is(wanted));
  const rows = await db
    .select(about)
    .from(templates)
    .innerJoin(latest, isLatest)
    .where(
      and(
        equal(query.name, (name) => ilike(templates.name, contains(name))),
        equal(query.plugin, (plugin) => eq(templates.plugin, plugin)),
        equal(query.kind, (kind) => eq(templates.kind, kind)),
        equal(query.active, (active) => eq(templates.active, active)),
        equal(query.pending, (waits) => sql`${pending} = ${waits}`),
        equal(after, (id) => gt(templates.id, id)),
      ),
    )
    .orderBy(asc(templates.id))
    .limit(query.limit + 1);
  return toPage(rows.map(toTemplate), query, ({ id }) => [id]);
}

/**
 * Stores a template. Its text runs at once where the settings ask for no second person.
 * @throws ApiProblem `template.name-taken`
 */
export async function createTemplate(
  tx: Transaction,
  { body, ...row }: { name: string; plugin: string; kind: OperationKind; body: string },
  person: string,
): Promise<string> {
  const { templateApproval } = await readSettings(tx);
  const id = newId();
  await named(() => tx.insert(templates).values({ ...row, id, activeVersion: templateApproval ? null : 1 }));
  await tx.insert(templateVersions).values({ templateId: id, version: 1, body, author: person });
  return id;
}

export interface TemplateEdit {
  readonly id: string;
  readonly revision: number;
  readonly patch: TemplatePatch;
  readonly person: string;
}

/**
 * Edits a template. Another text is a new version; the one before goes on running until a second person approved it,
 * where the settings ask for one.
 * @returns the version that was made, if one was
 * @throws ApiProblem `template.not-found`, `request.stale`, `template.shipped`, `template.name-taken`, `template.in-use`
 */
export async function editTemplate(tx: Transaction, edit: TemplateEdit): Promise<number | undefined> {
  const { id, patch, person } = edit;
  const before = await lockTemplate(tx, id);
  if (before.revision !== edit.revision) throw new ApiProblem("request.stale");
  if (before.shipped && (patch.body !== undefined || patch.name !== undefined))
    throw new ApiProblem("template.shipped");
  if (patch.active === false) await refuseInUse(tx, id);
  const version = patch.body === undefined ? undefined : await addVersion(tx, { id, body: patch.body, person });
  const { templateApproval } = await readSettings(tx);
  await named(() =>
    tx
      .update(templates)
      .set({
        name: patch.name,
        active: patch.active,
        revision: before.revision + 1,
        updatedAt: sql`now()`,
        ...(version === undefined || templateApproval ? {} : { activeVersion: version }),
      })
      .where(eq(templates.id, id)),
  );
  return version;
}

/** Holds the row against other edits and decisions, and against credentials that would choose it. */
export async function lockTemplate(tx: Transaction, id: string): Promise<typeof templates.$inferSelect> {
  const [row] = await tx.select().from(templates).where(eq(templates.id, id)).for("no key update");
  if (!row) throw new ApiProblem("template.not-found");
  return row;
}

async function addVersion(
  tx: Transaction,
  { id, body, person }: { id: string; body: string; person: string },
): Promise<number | undefined> {
  const [last] = await tx
    .select()
    .from(templateVersions)
    .where(eq(templateVersions.templateId, id))
    .orderBy(desc(templateVersions.version))
    .limit(1);
  if (last?.body === body) return undefined;
  const version = (last?.version ?? 0) + 1;
  await tx.insert(templateVersions).values({ templateId: id, version, body, author: person });
  return version;
}

async function named<T>(write: () => PromiseLike<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (violatedConstraint(error) === "templates_name_active") throw new ApiProblem("template.name-taken");
    throw error;
  }
}
