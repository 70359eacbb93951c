import { operatorSentence } from "../../contracts/errors.ts";
import { ActionResults, ActionsInput } from "../../contracts/operation-actions.schema.ts";
import type { Outcome } from "../../db/queries/action-lock.ts";
import { act } from "../../db/queries/operation-actions.ts";
import type { ApiDeps } from "../deps.ts";
import { demandPermission } from "../plugins/auth.ts";
import type { AddRoute } from "../route.ts";
import { tell } from "../tell.ts";
import { ACTION_PERMISSIONS } from "./operation-actions.ts";

/** Operations in one transaction: their rows stay locked for some tens of milliseconds. */
const CHUNK = 200;

export function addBulkActionRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/operations/actions",
    id: "actOnOperations",
    tag: "operations",
    summary: "Approve, reject, run now, cancel or restart many; needs what the same action on one needs",
    permission: "read",
    body: ActionsInput,
    answer: ActionResults,
    kind: "makes",
    async handle({ body: { action, codes, ...given }, actor, caller, transact }) {
      demandPermission(caller, ACTION_PERMISSIONS[action]);
      const sorted = [...new Set(codes)].toSorted((a, b) => a - b);
      const items: ActionResults["items"] = [];
      for (let start = 0; start < sorted.length; start += CHUNK) {
        const some = sorted.slice(start, start + CHUNK);
        const request = { ...given, codes: some, actor, plugins: deps.plugins };
        // Each part is answered for itself: whoever repeats the request after a crash goes on where it ended.
        const { outcomes, signals } = await transact((tx) => act(tx, action, request), start / CHUNK);
        tell(deps, signals);
        items.push(...outcomes.map(describe));
      }
      return { items };
    },
  });
}

function describe({ code, state, refusal }: Outcome): ActionResults["items"][number] {
  if (!refusal) return { code, ok: true, state, problem: null };
  const openCode = refusal.extras?.openCode;
  const detail = refusal.detail ?? operatorSentence(refusal.code);
  return {
    code,
    ok: false,
    state,
    problem: { code: refusal.code, detail, ...(openCode === undefined ? {} : { openCode }) },
  };
}
