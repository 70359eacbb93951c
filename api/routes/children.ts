import { z } from "zod";
import { ChildPage, ChildQuery } from "../../contracts/children.schema.ts";
import { Id } from "../../contracts/common.schema.ts";
import { listChildren, listStaleChildren } from "../../db/queries/children-list.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "credentials";

export function addChildrenRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/credentials/:id/children",
    id: "listChildren",
    tag,
    summary: "List the credentials that change after this one, and which of its passwords they have",
    permission: "read",
    params: z.strictObject({ id: Id }),
    query: ChildQuery,
    answer: ChildPage,
    refusals: ["credential.not-found"],
    handle: ({ params: { id }, query }) => listChildren(deps.db, id, query),
  });
  add({
    method: "GET",
    url: "/v1/children/stale",
    id: "listStaleChildren",
    tag,
    summary: "List the children that should have their parent's password and have another",
    permission: "read",
    query: ChildQuery,
    answer: ChildPage,
    handle: ({ query }) => listStaleChildren(deps.db, query),
  });
}
