import { ChangesAccepted, ChangesInput } from "../../contracts/operations.schema.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

/** A plan that a connection keeps is made for few rows, and a table that is still small is read as a whole for each. */
const FEW = 10;

export function addPasswordChangeRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/password-changes",
    id: "requestPasswordChanges",
    tag: "operations",
    summary: "Request a password change of one credential or many, at once or at a time",
    permission: "operate",
    body: ChangesInput,
    answer: ChangesAccepted,
    status: 202,
    kind: "makes",
    refusals: ["request.too-wide"],
    repeats: ({ credentialIds }) => credentialIds !== undefined && credentialIds.length <= FEW,
    handle: ({ body: { reason, ...asked }, actor, transact }) =>
      transact((tx) => requestChanges(tx, { ...asked, reason: reason ?? "", actor, plugins: deps.plugins })),
  });
}
