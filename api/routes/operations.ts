import { z } from "zod";
import {
  AttemptList,
  OperationCounts,
  OperationDetails,
  OperationPage,
  OperationQuery,
} from "../../contracts/operations.schema.ts";
import { isOpen } from "../../contracts/states.ts";
import { readApprovalDetails } from "../../db/queries/approval-details.ts";
import { readOperationChildren } from "../../db/queries/children-list.ts";
import { countOperations, listAttempts, listOperations, readOperation } from "../../db/queries/operations-list.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "operations";
const params = z.strictObject({ code: z.coerce.number<string>().int().min(1) });

export function addOperationRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/operations",
    id: "listOperations",
    tag,
    summary: "List operations, newest first",
    permission: "read",
    query: OperationQuery,
    answer: OperationPage,
    handle: ({ query }) => listOperations(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/operations/counts",
    id: "countOperations",
    tag,
    summary: "How many operations are in each state",
    permission: "read",
    answer: OperationCounts,
    handle: () => countOperations(deps.db),
  });
  add({
    method: "GET",
    url: "/v1/operations/:code",
    id: "getOperation",
    tag,
    summary: "Show an operation with its attempts, its children and live progress",
    permission: "read",
    params,
    answer: OperationDetails,
    refusals: ["operation.not-found"],
    async handle({ params: { code } }) {
      const operation = await readOperation(deps.db, code);
      const [attemptList, children, approval, progress] = await Promise.all([
        listAttempts(deps.db, code),
        readOperationChildren(deps.db, code),
        readApprovalDetails(deps.db, operation),
        isOpen(operation.state) ? deps.orchestrator.progress({ code, run: operation.run }) : null,
      ]);
      return { ...operation, approval, attemptList, children, progress };
    },
  });
  add({
    method: "GET",
    url: "/v1/operations/:code/attempts",
    id: "listAttempts",
    tag,
    summary: "List the attempts of an operation",
    permission: "read",
    params,
    answer: AttemptList,
    refusals: ["operation.not-found"],
    handle: async ({ params: { code } }) => ({ items: await listAttempts(deps.db, code) }),
  });
}
