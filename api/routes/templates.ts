import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  TemplateDetails,
  TemplateInput,
  TemplatePage,
  TemplatePatch,
  TemplateQuery,
} from "../../contracts/templates.schema.ts";
import type { Database, Transaction } from "../../db/client.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { readTemplateUses } from "../../db/queries/template-uses.ts";
import { createTemplate, editTemplate, listTemplates, readTemplateTexts } from "../../db/queries/templates.ts";
import { longestWaitSeconds } from "../../contracts/change-limit.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { checkBody, dialectsOf } from "../templates/check-body.ts";

const tag = "templates";
const params = z.strictObject({ id: Id });
const objectType = "template";

export function addTemplateRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/templates",
    id: "createTemplate",
    tag,
    summary: "Write a template; it runs once a second person approved it, where the settings ask for one",
    permission: "administer",
    body: TemplateInput,
    answer: TemplateDetails,
    status: 201,
    kind: "makes",
    refusals: ["template.refused", "template.name-taken", "credential.plugin-unknown"],
    async handle({ body: input, actor, transact }) {
      checkBody(deps.plugins, input);
      return transact(async (tx) => {
        const objectId = await createTemplate(tx, input, actor.person ?? "");
        const { name, plugin, kind } = input;
        const details = { name, plugin, kind, version: 1 };
        await auditObject(tx, actor, { action: "template.created", objectType, objectId, details });
        return readDetails(deps, tx, objectId);
      });
    },
  });
  add({
    method: "GET",
    url: "/v1/templates",
    id: "listTemplates",
    tag,
    summary: "List templates",
    permission: "read",
    query: TemplateQuery,
    answer: TemplatePage,
    handle: ({ query }) => listTemplates(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/templates/:id",
    id: "getTemplate",
    tag,
    summary: "Show a template: the text that runs, the latest one, what is doubtful in it, and who uses it",
    permission: "read",
    params,
    answer: TemplateDetails,
    refusals: ["template.not-found"],
    handle: ({ params: { id } }) => readDetails(deps, deps.db, id),
  });
  addEditRoute(add, deps);
}

function addEditRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PATCH",
    url: "/v1/templates/:id",
    id: "editTemplate",
    tag,
    summary: "Edit a template; another text is a new version, and the one before runs until that is approved",
    permission: "administer",
    params,
    body: TemplatePatch,
    answer: TemplateDetails,
    kind: "edits",
    refusals: [
      "template.not-found",
      "template.refused",
      "template.name-taken",
      "template.shipped",
      "template.in-use",
      "credential.plugin-unknown",
    ],
    async handle({ params: { id }, body: patch, actor, transact, revision }) {
      const edit = { id, revision: revision(), patch, person: actor.person ?? "" };
      if (patch.body !== undefined) {
        const { plugin, kind } = await readTemplateTexts(deps.db, id);
        checkBody(deps.plugins, { plugin, kind, body: patch.body });
      }
      return transact(async (tx) => {
        const version = await editTemplate(tx, edit);
        const { body: _body, ...fields } = patch;
        const details = { ...fields, ...(version === undefined ? {} : { version }) };
        await auditObject(tx, actor, { action: "template.edited", objectType, objectId: id, details });
        return readDetails(deps, tx, id);
      });
    },
  });
}

async function readDetails({ plugins }: ApiDeps, db: Database | Transaction, id: string): Promise<TemplateDetails> {
  const template = await readTemplateTexts(db, id);
  const dialect = dialectsOf(plugins)[template.plugin];
  const { kind, latestBody: body } = template;
  const longestSeconds = longestWaitSeconds(await readSettings(db));
  const warnings = dialect ? checkTemplate({ body, kind, dialect, longestSeconds }).complaints : [];
  return { ...template, warnings, ...(await readTemplateUses(db, id)) };
}
