import { z } from "zod";
import type { ErrorCode } from "../../contracts/errors.ts";
import { DecisionInput, RestartInput } from "../../contracts/operation-actions.schema.ts";
import { Operation } from "../../contracts/operations.schema.ts";
import type { Permission } from "../../contracts/roles.ts";
import type { OperationAction } from "../../contracts/states.ts";
import { type ActionRequest, throwRefusal } from "../../db/queries/action-lock.ts";
import { act } from "../../db/queries/operation-actions.ts";
import { readOperation } from "../../db/queries/operation.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute, Call } from "../route.ts";
import { tell } from "../tell.ts";

const tag = "operations";
const params = z.strictObject({ code: z.coerce.number<string>().int().min(1) });

const UNDECIDED = [
  "approval.own-request",
  "approval.not-approver",
  "approval.already-decided",
  "approval.changed",
  "approval.expired",
] as const;

const ACTIONS: Readonly<Record<OperationAction, { id: string; summary: string; refusals: readonly ErrorCode[] }>> = {
  approve: {
    id: "approveOperation",
    summary: "Approve an operation; the last approval that is wanted lets it go on",
    refusals: UNDECIDED,
  },
  reject: { id: "rejectOperation", summary: "Reject an operation: it is canceled", refusals: UNDECIDED },
  "run-now": {
    id: "runOperationNow",
    summary: "Drop the wait for time and window and go to the head of the queue",
    refusals: [],
  },
  cancel: {
    id: "cancelOperation",
    summary: "Cancel an operation that has not begun; after 200 no device is touched",
    refusals: ["operation.unresolved"],
  },
  restart: {
    id: "restartOperation",
    summary: "Start a new run of an operation that ended in error",
    refusals: [
      "credential.change-open",
      "credential.attention",
      "credential.inactive",
      "device.inactive",
      "credential.not-automatic",
      "credential.plugin-unknown",
      "credential.no-template",
      "credential.no-authenticator",
      "credential.no-password",
    ],
  },
};

/** What each action needs. */
export const ACTION_PERMISSIONS: Readonly<Record<OperationAction, Permission>> = {
  approve: "decide",
  reject: "decide",
  "run-now": "operate",
  cancel: "operate",
  restart: "operate",
};

export function addOperationActionRoutes(add: AddRoute, deps: ApiDeps): void {
  const describe = (action: OperationAction) => ({
    method: "POST" as const,
    url: `/v1/operations/:code/${action}`,
    id: ACTIONS[action].id,
    tag,
    summary: ACTIONS[action].summary,
    permission: ACTION_PERMISSIONS[action],
    params,
    answer: Operation,
    kind: "makes" as const,
    refusals: ["operation.not-found", "operation.state", ...ACTIONS[action].refusals] as const,
  });
  for (const action of ["approve", "reject"] as const)
    add({ ...describe(action), body: DecisionInput, handle: (call) => actOnOne(deps, action, call) });
  for (const action of ["run-now", "cancel"] as const)
    add({ ...describe(action), handle: (call) => actOnOne(deps, action, call) });
  add({ ...describe("restart"), body: RestartInput, handle: (call) => actOnOne(deps, "restart", call) });
}

interface ActionCall extends Pick<Call<typeof params, undefined, undefined>, "params" | "actor" | "transact"> {
  readonly body?: Pick<ActionRequest, "comment" | "digest" | "scheduledFor"> | undefined;
}

async function actOnOne(deps: ApiDeps, action: OperationAction, call: ActionCall): Promise<Operation> {
  const { code } = call.params;
  const { outcome, signals, operation } = await call.transact(async (tx) => {
    const acted = await act(tx, action, { ...call.body, codes: [code], actor: call.actor, plugins: deps.plugins });
    const [first] = acted.outcomes;
    if (!first) throw new Error("the action has no outcome");
    // A refusal that changed the row, for instance because its time is over, is committed before it is told.
    if (!first.moved) throwRefusal(first);
    return { outcome: first, signals: acted.signals, operation: await readOperation(tx, code) };
  });
  tell(deps, signals);
  throwRefusal(outcome);
  return operation;
}
