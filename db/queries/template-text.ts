/** The text of a template as an operation uses it. */
import { type AnyColumn, type SQL, sql } from "drizzle-orm";

export interface TemplateText {
  readonly id: string;
  readonly version: number;
  /** The plugin that carries it out. */
  readonly plugin: string;
  readonly body: string;
}

/**
 * Reads a template's text within another statement; null when there is none, or none that may run.
 * @param id the template's id, or null
 * @param version the version that an attempt began with; without one, the version that runs now
 */
export function templateText(id: SQL | AnyColumn, version: number | null = null): SQL<TemplateText | null> {
  return sql<TemplateText | null>`(select json_build_object('id', t.id, 'version', v.version, 'plugin', t.plugin, 'body', v.body)
    from templates t join template_versions v on v.template_id = t.id
    where t.id = ${id} and case when ${version}::int is null then t.active and v.version = t.active_version
      else v.version = ${version}::int end)`;
}
