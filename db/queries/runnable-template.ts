import { eq, sql } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import type { OperationKind } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { templates } from "../schema/index.ts";
import { templateText } from "./template-text.ts";

/** What requests of jobs must know of each plugin. */
export interface JobPlugin {
  readonly kind: string;
  readonly capabilities: { readonly operations: readonly string[] };
  /** Names of the tags that a template uses; absent where the plugin takes none. */
  tagsOf?(body: string): ReadonlySet<string>;
}

/** A template that an operation may run now. */
export interface RunnableTemplate {
  readonly id: string;
  readonly plugin: string;
  /** Tags that it uses. */
  readonly tags: ReadonlySet<string>;
}

/**
 * The template, if an operation of the kind may run it.
 * @param asked.field name of the request's field, for the refusal
 * @throws ApiProblem `template.not-found`, `template.not-active`, `operation.template`, `credential.plugin-unknown`,
 * `operation.kind-unsupported`
 */
export async function readRunnableTemplate(
  tx: Transaction,
  asked: { id: string; kind: OperationKind; field: string; plugins: readonly JobPlugin[] },
): Promise<RunnableTemplate> {
  const { id, kind, field, plugins } = asked;
  const [row] = await tx
    .select({ kind: templates.kind, plugin: templates.plugin, text: templateText(sql`${templates.id}`) })
    .from(templates)
    .where(eq(templates.id, id));
  if (!row) throw new ApiProblem("template.not-found");
  if (row.kind !== kind) throw new ApiProblem("operation.template", `\`${field}\` names a template of ${row.kind}.`);
  if (!row.text) throw new ApiProblem("template.not-active");
  const plugin = plugins.find((one) => one.kind === row.plugin);
  if (!plugin) throw new ApiProblem("credential.plugin-unknown");
  if (!plugin.tagsOf || !plugin.capabilities.operations.includes(kind))
    throw new ApiProblem("operation.kind-unsupported", `The plugin ${plugin.kind} carries out no ${kind}.`);
  return { id, plugin: row.plugin, tags: plugin.tagsOf(row.text.body) };
}
