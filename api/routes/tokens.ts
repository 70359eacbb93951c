import { z } from "zod";
import { NewToken, PageQuery, TokenInput, TokenPage } from "../../contracts/administration.schema.ts";
import { Id } from "../../contracts/common.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { createToken, listTokens, makeTokenValue, revokeToken } from "../../db/queries/tokens.ts";
import type { ApiDeps } from "../deps.ts";
import type { Caller } from "../plugins/auth.ts";
import type { AddRoute } from "../route.ts";

const tag = "tokens";

export function addTokenRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/tokens",
    id: "createToken",
    tag,
    summary: "Make a token; its value is shown this once",
    permission: "administer",
    body: TokenInput,
    answer: NewToken,
    status: 201,
    async handle({ body, actor, caller, transact }) {
      refuseSelfGrant(caller, body);
      const value = makeTokenValue();
      const token = await transact(async (tx) => {
        const made = await createToken(tx, { ...body, value });
        const { name, owner, roles } = made;
        const details = { name, owner, roles };
        await auditObject(tx, actor, { action: "token.created", objectType: "token", objectId: made.id, details });
        return made;
      });
      return { ...token, value };
    },
  });
  add({
    method: "GET",
    url: "/v1/tokens",
    id: "listTokens",
    tag,
    summary: "List tokens, without their values",
    permission: "administer",
    query: PageQuery,
    answer: TokenPage,
    handle: ({ query }) => listTokens(deps.db, query),
  });
  add({
    method: "DELETE",
    url: "/v1/tokens/:id",
    id: "revokeToken",
    tag,
    summary: "Revoke a token",
    permission: "administer",
    params: z.strictObject({ id: Id }),
    answer: z.undefined(),
    status: 204,
    refusals: ["request.not-found"],
    async handle({ params: { id }, actor, transact }) {
      await transact(async (tx) => {
        const { name, owner } = await revokeToken(tx, id);
        const details = { name, owner };
        await auditObject(tx, actor, { action: "token.revoked", objectType: "token", objectId: id, details });
      });
      return undefined;
    },
  });
}

/** Who administers gives these to others only: one person alone must not change settings and see passwords. */
function refuseSelfGrant(caller: Caller, { owner, roles }: TokenInput): void {
  const person = (name: string) => name.normalize("NFKC").toLowerCase();
  const wanted = roles.filter((role) => role === "custodian" || role === "approver");
  if (wanted.length === 0) return;
  if (person(owner) === person(caller.owner) || roles.includes("administrator"))
    throw new ApiProblem(
      "permission.denied",
      `An administrator cannot grant ${wanted.join(" or ")} to the own person, nor together with administrator.`,
    );
}
