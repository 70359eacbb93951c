import { OpenedOperation, OperationInput } from "../../contracts/operations.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { RECONCILIATION_REFUSALS, requestReconciliation } from "../../db/queries/reconcile.ts";
import { requestVerification } from "../../db/queries/verify-operation.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

export function addOperationRequestRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/operations",
    id: "requestOperation",
    tag: "operations",
    summary: "Request a verify-password or a reconcile-password; changes have a request of their own",
    permission: "operate",
    body: OperationInput,
    answer: OpenedOperation,
    status: 202,
    kind: "makes",
    refusals: ["operation.kind-unsupported", ...RECONCILIATION_REFUSALS],
    async handle({ body: { kind, credentialId, scheduledFor, reason = "" }, actor, transact }) {
      const request = { credentialId, scheduledFor, reason, actor, plugins: deps.plugins };
      if (kind === "reconcile-password") return transact((tx) => requestReconciliation(tx, request));
      if (kind === "verify-password") return transact((tx) => requestVerification(tx, request));
      throw new ApiProblem("operation.kind-unsupported");
    },
  });
}
