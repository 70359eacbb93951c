import {
  AuditPage,
  AuditQuery,
  PluginList,
  SettingsPatch,
  SettingsView,
} from "../../contracts/administration.schema.ts";
import { listAudit } from "../../db/queries/audit-list.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { editSettings, readSettingsRow } from "../../db/queries/settings.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { wakePaused } from "../wake-waiting.ts";

const tag = "administration";

export function addAdministrationRoutes(add: AddRoute, deps: ApiDeps): void {
  addSettingsRoutes(add, deps);
  add({
    method: "GET",
    url: "/v1/plugins",
    id: "listPlugins",
    tag,
    summary: "List the plugins and what they can do",
    permission: "read",
    answer: PluginList,
    handle: async () => ({
      items: deps.plugins.map(({ kind, title, capabilities, experimental = false, settings = {}, language }) => ({
        kind,
        title,
        capabilities,
        experimental,
        settings,
        template: language ? describeLanguage(language) : null,
      })),
    }),
  });
  add({
    method: "GET",
    url: "/v1/audit",
    id: "listAudit",
    tag,
    summary: "List what happened, newest first",
    permission: "audit",
    query: AuditQuery,
    answer: AuditPage,
    handle: ({ query }) => listAudit(deps.db, query),
  });
}

function describeLanguage({ form, commands }: Dialect) {
  return {
    form,
    commands: Object.entries(commands).map(
      ([
        name,
        {
          arguments: [least, most],
          aliases = [],
        },
      ]) => ({
        name,
        aliases: [...aliases],
        leastArguments: least,
        mostArguments: Number.isFinite(most) ? most : null,
      }),
    ),
  };
}

function addSettingsRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/settings",
    id: "getSettings",
    tag,
    summary: "Show the global settings",
    permission: "read",
    answer: SettingsView,
    async handle({ reply }) {
      const { values, revision } = await readSettingsRow(deps.db);
      reply.header("etag", `"${revision}"`);
      return values;
    },
  });
  add({
    method: "PATCH",
    url: "/v1/settings",
    id: "editSettings",
    tag,
    summary: "Edit the global settings",
    permission: "administer",
    body: SettingsPatch,
    answer: SettingsView,
    kind: "edits",
    async handle({ body: patch, actor, transact, revision, reply }) {
      const edit = { revision: revision(), patch };
      const after = await transact(async (tx) => {
        const edited = await editSettings(tx, edit);
        const details = { ...patch };
        await auditObject(tx, actor, { action: "settings.edited", objectType: "settings", objectId: "1", details });
        return edited;
      });
      if (patch.automaticPaused === false) await wakePaused(deps, {});
      reply.header("etag", `"${after.revision}"`);
      return after.values;
    },
  });
}
