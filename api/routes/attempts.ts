import { AttemptCounts, AttemptCountsQuery, AttemptPage, AttemptQuery } from "../../contracts/attempts-list.schema.ts";
import { countAttempts } from "../../db/queries/attempt-counts.ts";
import { listAttempts } from "../../db/queries/attempts-list.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "attempts";

export function addAttemptRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/attempts",
    id: "listAttempts",
    tag,
    summary: "List the attempts of all operations, successes included, latest first",
    permission: "read",
    query: AttemptQuery,
    answer: AttemptPage,
    handle: ({ query }) => listAttempts(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/attempts/counts",
    id: "countAttempts",
    tag,
    summary: "How many attempts began within a time, by how they ended or by device",
    permission: "read",
    query: AttemptCountsQuery,
    answer: AttemptCounts,
    handle: ({ query }) => countAttempts(deps.db, query),
  });
}
