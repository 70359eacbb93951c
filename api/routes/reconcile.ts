import { z } from "zod";
import { Id, Moment, Reason } from "../../contracts/common.schema.ts";
import { OpenedOperation } from "../../contracts/operations.schema.ts";
import { RECONCILIATION_REFUSALS, requestReconciliation } from "../../db/queries/reconcile.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

export function addReconcileRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/reconcile",
    id: "reconcileCredential",
    tag: "credentials",
    summary: "Have the reconciliation account set a new password; a password in doubt is looked into first",
    permission: "operate",
    params: z.strictObject({ id: Id }),
    body: z.strictObject({ reason: Reason, scheduledFor: Moment.optional() }).meta({ id: "ReconcileRequest" }),
    answer: OpenedOperation,
    status: 202,
    kind: "makes",
    refusals: RECONCILIATION_REFUSALS,
    handle: ({ params: { id }, body, actor, transact }) =>
      transact((tx) => requestReconciliation(tx, { credentialId: id, ...body, actor, plugins: deps.plugins })),
  });
}
