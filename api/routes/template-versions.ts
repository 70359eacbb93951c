import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import { z } from "zod";
import { PageQuery } from "../../contracts/administration.schema.ts";
import { Id } from "../../contracts/common.schema.ts";
import {
  Template,
  TemplateDecision,
  type TemplateVersion,
  TemplateVersionPage,
} from "../../contracts/templates.schema.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { decideTemplateVersion, listTemplateVersions, type VersionTexts } from "../../db/queries/template-versions.ts";
import { readTemplateTexts } from "../../db/queries/templates.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "templates";
const versionParams = z.strictObject({ id: Id, version: z.coerce.number<string>().int().min(1) });

export function addTemplateVersionRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/templates/:id/versions",
    id: "listTemplateVersions",
    tag,
    summary: "List what was written into a template, latest first: who, when, and what changed",
    permission: "read",
    params: z.strictObject({ id: Id }),
    query: PageQuery,
    answer: TemplateVersionPage,
    refusals: ["template.not-found"],
    async handle({ params: { id }, query }) {
      const { items, nextCursor } = await listTemplateVersions(deps.db, id, query);
      return { items: items.map(withDiff), nextCursor };
    },
  });
  addDecisionRoute(add, "approve");
  addDecisionRoute(add, "reject");
}

const DECISIONS = {
  approve: { decision: "approved", summary: "Let the latest version of a template run; not for who wrote it" },
  reject: { decision: "rejected", summary: "Refuse the latest version of a template; the one before goes on running" },
} as const;

function addDecisionRoute(add: AddRoute, verb: keyof typeof DECISIONS): void {
  const { decision, summary } = DECISIONS[verb];
  add({
    method: "POST",
    url: `/v1/templates/:id/versions/:version/${verb}`,
    id: `${verb}TemplateVersion`,
    tag,
    summary,
    permission: "templates.decide",
    params: versionParams,
    body: TemplateDecision,
    answer: Template,
    refusals: ["template.not-found", "template.not-pending", "template.own-version"],
    handle: ({ params: { id, version }, body: { comment = "" }, actor, transact }) =>
      transact(async (tx) => {
        await decideTemplateVersion(tx, { id, version, decision, person: actor.person ?? "", comment });
        const details = { version, comment };
        await auditObject(tx, actor, { action: `template.${decision}`, objectType: "template", objectId: id, details });
        return readTemplateTexts(tx, id);
      }),
  });
}

/** Lines that may differ: two long texts that share nothing would take minutes. */
const MOST_EDITS = 1000;

function withDiff({ before, ...version }: VersionTexts): TemplateVersion {
  if (before === null) return { ...version, diff: "" };
  const names = [`version ${version.version - 1}`, `version ${version.version}`] as const;
  const options = { context: 3, maxEditLength: MOST_EDITS, headerOptions: FILE_HEADERS_ONLY };
  const diff = createTwoFilesPatch(...names, before, version.body, undefined, undefined, options);
  return { ...version, diff: diff ?? "The texts differ in more than 1,000 lines.\n" };
}
