import { OperationInput, RequestedOperation } from "../../contracts/operation-requests.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { EPHEMERAL_REFUSALS, requestEphemeral } from "../../db/queries/ephemeral.ts";
import { JOB_REFUSALS, requestJob } from "../../db/queries/jobs.ts";
import { RECONCILIATION_REFUSALS, requestReconciliation } from "../../db/queries/reconcile.ts";
import { requestVerification } from "../../db/queries/verify-operation.ts";
import type { ApiDeps } from "../deps.ts";
import { jobPlugins } from "../job-plugins.ts";
import type { AddRoute } from "../route.ts";

export function addOperationRequestRoutes(add: AddRoute, deps: ApiDeps): void {
  const plugins = jobPlugins(deps.plugins);
  add({
    method: "POST",
    url: "/v1/operations",
    id: "requestOperation",
    tag: "operations",
    summary: "Request an operation of any kind but a change, which has a request of its own",
    permission: "operate",
    body: OperationInput,
    answer: RequestedOperation,
    status: 202,
    kind: "makes",
    refusals: [...RECONCILIATION_REFUSALS, ...JOB_REFUSALS, ...EPHEMERAL_REFUSALS],
    async handle({ body, actor, transact }) {
      const common = { actor, plugins: deps.plugins };
      switch (body.kind) {
        case "verify-password":
          return transact((tx) => requestVerification(tx, { ...body, ...common }));
        case "reconcile-password":
          return transact((tx) => requestReconciliation(tx, { ...body, ...common }));
        case "credential-activation":
        case "credential-inactivation":
        case "user-creation":
        case "user-deletion":
        case "user-creation-in-group":
        case "user-deletion-in-group":
        case "group-creation":
        case "group-deletion":
        case "certificate-publication":
        case "secret-management-automation":
        case "task-manager":
        case "aws-opsworks":
          return transact((tx) => requestJob(tx, { ...body, actor, plugins }));
        case "ephemeral-credential-creation":
          return transact((tx) => requestEphemeral(tx, { ...body, actor, plugins }));
        case "change-password":
        case "child-password-change":
        case "ephemeral-credential-removal":
          throw new ApiProblem("operation.kind-unsupported");
      }
    },
  });
}
