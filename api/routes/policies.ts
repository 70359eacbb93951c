import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  PauseInput,
  Policy,
  PolicyInput,
  PolicyPage,
  PolicyPatch,
  PolicyQuery,
} from "../../contracts/policies.schema.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { pausePolicy } from "../../db/queries/pauses.ts";
import { createPolicy, editPolicy, listPolicies, readPolicy } from "../../db/queries/policies.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { wakePaused, wakeWindows } from "../wake-waiting.ts";

const tag = "policies";
const params = z.strictObject({ id: Id });
const objectType = "policy";

export function addPolicyRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/policies",
    id: "createPolicy",
    tag,
    summary: "Make a policy: which credentials change when, with which strength, limits and approvals",
    permission: "administer",
    body: PolicyInput,
    answer: Policy,
    status: 201,
    kind: "makes",
    refusals: ["policy.name-taken", "strength.not-found"],
    handle: ({ body, actor, transact }) =>
      transact(async (tx) => {
        const objectId = await createPolicy(tx, body, actor.person ?? "");
        await auditObject(tx, actor, { action: "policy.created", objectType, objectId, details: { ...body } });
        return readPolicy(tx, objectId);
      }),
  });
  add({
    method: "GET",
    url: "/v1/policies",
    id: "listPolicies",
    tag,
    summary: "List policies",
    permission: "read",
    query: PolicyQuery,
    answer: PolicyPage,
    handle: ({ query }) => listPolicies(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/policies/:id",
    id: "getPolicy",
    tag,
    summary: "Show a policy",
    permission: "read",
    params,
    answer: Policy,
    refusals: ["policy.not-found"],
    handle: ({ params: { id } }) => readPolicy(deps.db, id),
  });
  addEditRoute(add, deps);
  addPauseRoutes(add, deps);
}

function addEditRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PATCH",
    url: "/v1/policies/:id",
    id: "editPolicy",
    tag,
    summary: "Edit a policy, its criteria too; credentials take up what follows from it at once",
    permission: "administer",
    params,
    body: PolicyPatch,
    answer: Policy,
    kind: "edits",
    refusals: ["policy.not-found", "policy.name-taken", "strength.not-found"],
    async handle({ params: { id }, body: patch, actor, transact, revision }) {
      const edit = { id, revision: revision(), patch, person: actor.person ?? "" };
      const edited = await transact(async (tx) => {
        await editPolicy(tx, edit);
        await auditObject(tx, actor, { action: "policy.edited", objectType, objectId: id, details: { ...patch } });
        return readPolicy(tx, id);
      });
      if (patch.windows) await wakeWindows(deps, id);
      return edited;
    },
  });
}

function addPauseRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/policies/:id/pause",
    id: "pausePolicy",
    tag,
    summary: "Stop a policy's automatic changes; what runs goes on, and requests by people are not held",
    permission: "administer",
    params,
    body: PauseInput,
    answer: Policy,
    refusals: ["policy.not-found"],
    handle: ({ params: { id }, body: { reason }, actor, transact }) =>
      transact(async (tx) => {
        await pausePolicy(tx, id, reason);
        await auditObject(tx, actor, { action: "policy.paused", objectType, objectId: id, details: { reason } });
        return readPolicy(tx, id);
      }),
  });
  add({
    method: "POST",
    url: "/v1/policies/:id/resume",
    id: "resumePolicy",
    tag,
    summary: "Let a policy's automatic changes go on",
    permission: "administer",
    params,
    answer: Policy,
    refusals: ["policy.not-found"],
    async handle({ params: { id }, actor, transact }) {
      const policy = await transact(async (tx) => {
        await pausePolicy(tx, id);
        await auditObject(tx, actor, { action: "policy.resumed", objectType, objectId: id });
        return readPolicy(tx, id);
      });
      await wakePaused(deps, { policyId: id });
      return policy;
    },
  });
}
