import { ApiProblem } from "../../contracts/problem.ts";
import type { OperationKind } from "../../contracts/states.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import type { Complaint } from "../../templates/language/script.ts";
import type { PluginInfo } from "../deps.ts";

/** So many lines are named in a refusal's sentence; all of them in its `complaints`. */
const NAMED = 3;

export interface TemplateText {
  readonly plugin: string;
  readonly kind: OperationKind;
  readonly body: string;
}

/** The languages of the plugins that take templates, by kind of plugin. */
export function dialectsOf(plugins: readonly PluginInfo[]): Readonly<Record<string, Dialect>> {
  return Object.fromEntries(plugins.flatMap(({ kind, language }) => (language ? [[kind, language]] : [])));
}

/** @throws ApiProblem `credential.plugin-unknown`; `request.invalid` for a plugin that takes no templates */
export function dialectOf(plugins: readonly PluginInfo[], kind: string): Dialect {
  const plugin = plugins.find((known) => known.kind === kind);
  if (!plugin) throw new ApiProblem("credential.plugin-unknown");
  if (plugin.language) return plugin.language;
  const errors = [{ field: "plugin", rule: "must be a plugin that takes templates", got: "another one" }];
  throw new ApiProblem("request.invalid", "plugin: must be a plugin that takes templates.", { errors });
}

export function isRefused(complaints: readonly Complaint[]): boolean {
  return complaints.some(({ severity }) => severity === "refusal");
}

/**
 * Refuses a text that its plugin could not carry out.
 * @returns what is doubtful in it
 * @throws ApiProblem `template.refused` with every complaint; what {@link dialectOf} throws
 */
export function checkBody(plugins: readonly PluginInfo[], { plugin, kind, body }: TemplateText): Complaint[] {
  const { complaints } = checkTemplate({ body, kind, dialect: dialectOf(plugins, plugin) });
  if (!isRefused(complaints)) return complaints;
  const refusals = complaints.filter(({ severity }) => severity === "refusal");
  const named = refusals
    .slice(0, NAMED)
    .map(({ line, column, message }) => `Line ${line}, column ${column}: ${message}`);
  const more = refusals.length > NAMED ? ` And ${refusals.length - NAMED} more.` : "";
  throw new ApiProblem("template.refused", `${named.join(" ")}${more}`, { complaints });
}
