import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Strength } from "../../contracts/strength.ts";
import { StrengthInput, StrengthList, StrengthPatch, StrengthView } from "../../contracts/strengths.schema.ts";
import { countPasswords, PasswordImpossible, refuseImpossible } from "../../crypto/generate-password.ts";
import { auditObject } from "../../db/queries/audit.ts";
import {
  createStrength,
  editStrength,
  listStrengths,
  readStrength,
  type StrengthRow,
} from "../../db/queries/strengths.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "strengths";
const params = z.strictObject({ id: Id });
const objectType = "strength";

export function addStrengthRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/strengths",
    id: "listStrengths",
    tag,
    summary: "List the rules for generated passwords",
    permission: "read",
    answer: StrengthList,
    handle: async () => ({ items: (await listStrengths(deps.db)).map(toView) }),
  });
  add({
    method: "GET",
    url: "/v1/strengths/:id",
    id: "getStrength",
    tag,
    summary: "Show the rules for generated passwords",
    permission: "read",
    params,
    answer: StrengthView,
    refusals: ["strength.not-found"],
    handle: async ({ params: { id } }) => toView(await readStrength(deps.db, id)),
  });
  add({
    method: "POST",
    url: "/v1/strengths",
    id: "createStrength",
    tag,
    summary: "Make rules for generated passwords",
    permission: "administer",
    body: StrengthInput,
    answer: StrengthView,
    status: 201,
    kind: "makes",
    refusals: ["strength.name-taken", "strength.impossible"],
    async handle({ body, actor, transact }) {
      check(body.rules);
      return transact(async (tx) => {
        const made = await createStrength(tx, body, actor.person ?? "");
        const details = { ...body };
        await auditObject(tx, actor, { action: "strength.created", objectType, objectId: made.id, details });
        return toView(made);
      });
    },
  });
  addEditRoute(add);
}

function addEditRoute(add: AddRoute): void {
  add({
    method: "PATCH",
    url: "/v1/strengths/:id",
    id: "editStrength",
    tag,
    summary: "Edit rules for generated passwords; they apply from the next password that is made",
    permission: "administer",
    params,
    body: StrengthPatch,
    answer: StrengthView,
    kind: "edits",
    refusals: ["strength.not-found", "strength.name-taken", "strength.impossible"],
    async handle({ params: { id }, body: patch, actor, transact, revision }) {
      if (patch.rules) check(patch.rules);
      const edit = { id, revision: revision(), patch, person: actor.person ?? "" };
      return transact(async (tx) => {
        const edited = await editStrength(tx, edit);
        const details = { ...patch };
        await auditObject(tx, actor, { action: "strength.edited", objectType, objectId: id, details });
        return toView(edited);
      });
    },
  });
}

function toView(row: StrengthRow): StrengthView {
  const digits = countPasswords(row.rules).toString();
  const log10 = Math.log10(Number(digits.slice(0, 15))) + Math.max(0, digits.length - 15);
  return {
    ...row,
    combinations: digits.length <= 15 ? digits : `${digits[0]}.${digits.slice(1, 3)}e+${digits.length - 1}`,
    bits: Math.round((log10 / Math.log10(2)) * 10) / 10,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** @throws ApiProblem `strength.impossible`, with the rule that cannot be kept */
function check(rules: Strength): void {
  try {
    refuseImpossible(rules);
  } catch (error) {
    if (error instanceof PasswordImpossible) throw new ApiProblem("strength.impossible", error.message);
    throw error;
  }
}
