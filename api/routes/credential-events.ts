import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import { Expired, ExpiryInput, SessionEndInput } from "../../contracts/credential-events.schema.ts";
import { Credential } from "../../contracts/credentials.schema.ts";
import { operatorSentence } from "../../contracts/errors.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { auditObject, auditObjects } from "../../db/queries/audit.ts";
import { readCredential } from "../../db/queries/credentials.ts";
import { expirePasswords, noteSessionEnd } from "../../db/queries/uses.ts";
import type { AddRoute } from "../route.ts";

const tag = "credentials";
/** Clocks of session gateways may be a little ahead. */
const AHEAD_MS = 60_000;

/** What happens to passwords outside, and makes their policies change them. */
export function addCredentialEventRoutes(add: AddRoute): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/session-ended",
    id: "noteSessionEnd",
    tag,
    summary: "Tell that a session which used the password has ended; its policy may change it after the first",
    permission: "operate",
    params: z.strictObject({ id: Id }),
    body: SessionEndInput,
    answer: Credential,
    kind: "makes",
    refusals: ["credential.not-found"],
    async handle({ params: { id }, body, actor, transact }) {
      const endedAt = body.endedAt ?? new Date();
      if (endedAt.getTime() > Date.now() + AHEAD_MS) {
        const errors = [{ field: "endedAt", rule: "must not be in the future", got: "a later time" }];
        throw new ApiProblem("request.invalid", "endedAt: must not be in the future.", { errors });
      }
      return transact(async (tx) => {
        await noteSessionEnd(tx, { credentialId: id, endedAt });
        const details = { endedAt: endedAt.toISOString() };
        const row = { action: "credential.session-ended", objectType: "credential", objectId: id, details } as const;
        await auditObject(tx, actor, row);
        return readCredential(tx, id);
      });
    },
  });
  addExpireRoute(add);
}

function addExpireRoute(add: AddRoute): void {
  add({
    method: "POST",
    url: "/v1/credentials/expire",
    id: "expirePasswords",
    tag,
    summary: "End the time of present passwords: their policies change them at once, within their windows",
    permission: "operate",
    body: ExpiryInput,
    answer: Expired,
    kind: "makes",
    handle: ({ body: { credentialIds, reason }, actor, transact }) =>
      transact(async (tx) => {
        const ids = [...new Set(credentialIds.map((id) => id.toLowerCase()))];
        const found = await expirePasswords(tx, ids);
        const expired = ids.filter((id) => found.get(id) === null);
        await auditObjects(
          tx,
          actor,
          expired.map((objectId) => ({
            action: "credential.expired",
            objectType: "credential",
            objectId,
            details: { reason: reason ?? "" },
          })),
        );
        const refused = ids.flatMap((credentialId) => {
          const code = found.has(credentialId) ? found.get(credentialId) : "credential.not-found";
          return code ? [{ credentialId, code, detail: operatorSentence(code) }] : [];
        });
        return { expired, refused };
      }),
  });
}
