import { z } from "zod";
import { AttemptList, OperationDetails } from "../../contracts/operations.schema.ts";
import { isOpen } from "../../contracts/states.ts";
import { readApprovalDetails } from "../../db/queries/approval-details.ts";
import { readOperationChildren } from "../../db/queries/children-list.ts";
import { listAttemptsOf } from "../../db/queries/operation-attempts.ts";
import { readOperation } from "../../db/queries/operation.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "operations";
const params = z.strictObject({ code: z.coerce.number<string>().int().min(1) });

export function addOperationRoutes(add: AddRoute, deps: ApiDeps): void {
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
        listAttemptsOf(deps.db, code),
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
    id: "listAttemptsOfOperation",
    tag,
    summary: "List the attempts of an operation",
    permission: "read",
    params,
    answer: AttemptList,
    refusals: ["operation.not-found"],
    handle: async ({ params: { code } }) => ({ items: await listAttemptsOf(deps.db, code) }),
  });
}
