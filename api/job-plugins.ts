import type { JobPlugin } from "../db/queries/runnable-template.ts";
import { readTemplate } from "../templates/language/read.ts";
import type { Dialect } from "../templates/language/dialect.ts";
import type { PluginInfo } from "./deps.ts";

/** The plugins as requests of jobs look at them: with what reads their templates. */
export function jobPlugins(plugins: readonly PluginInfo[]): JobPlugin[] {
  return plugins.map(({ kind, capabilities, language }) => ({
    kind,
    capabilities,
    ...(language ? { tagsOf: (body: string) => tagsOf(body, language) } : {}),
  }));
}

function tagsOf(body: string, language: Dialect): Set<string> {
  const parts = readTemplate(body, language).script.commands.flatMap(({ args }) => args.flat());
  return new Set(parts.flatMap((part) => (typeof part === "string" ? [] : [part.tag])));
}
