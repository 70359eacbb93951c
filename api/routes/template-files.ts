import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  ImportQuery,
  Rendered,
  RenderInput,
  TemplateCheck,
  TemplateFiles,
  TemplateImport,
} from "../../contracts/templates.schema.ts";
import { readTemplateSubject } from "../../db/queries/template-subject.ts";
import { readTemplateTexts } from "../../db/queries/templates.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { longestWaitSeconds } from "../../contracts/change-limit.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { checkFiles, summarize } from "../templates/check-files.ts";
import { importFiles } from "../templates/import-files.ts";
import { renderDry } from "../templates/render-dry.ts";

const tag = "templates";

/** Texts of templates before they are stored, and before they are run. */
export function addTemplateFileRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/templates/check",
    id: "checkTemplates",
    tag,
    summary: "Say of texts what is wrong or doubtful in them; nothing is stored",
    permission: "read",
    body: TemplateFiles,
    answer: TemplateCheck,
    handle: async ({ body }) =>
      summarize(checkFiles(deps.plugins, body, longestWaitSeconds(await readSettings(deps.db)))),
  });
  add({
    method: "POST",
    url: "/v1/templates/import",
    id: "importTemplates",
    tag,
    summary: "Make templates of files, and new versions of those that are there; the same files can be sent again",
    permission: "administer",
    query: ImportQuery,
    body: TemplateFiles,
    answer: TemplateImport,
    refusals: ["template.name-taken"],
    handle: ({ query: { dryRun = false }, body, actor, transact }) =>
      transact((tx) => importFiles(tx, body, { plugins: deps.plugins, actor, dryRun })),
  });
  add({
    method: "POST",
    url: "/v1/templates/:id/render",
    id: "renderTemplate",
    tag,
    summary: "Show what a template would send for a credential, passwords left out; no device is touched",
    permission: "read",
    params: z.strictObject({ id: Id }),
    body: RenderInput,
    answer: Rendered,
    refusals: [
      "template.not-found",
      "credential.not-found",
      "credential.no-authenticator",
      "credential.plugin-unknown",
    ],
    async handle({ params: { id }, body: { credentialId, body } }) {
      const { plugin, kind, latestBody } = await readTemplateTexts(deps.db, id);
      const subject = await readTemplateSubject(deps.db, credentialId);
      return renderDry(deps.plugins, { plugin, kind, body: body ?? latestBody }, subject);
    },
  });
}
