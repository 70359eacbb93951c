import { Readable } from "node:stream";
import {
  OperationCounts,
  OperationExportQuery,
  OperationPage,
  OperationQuery,
} from "../../contracts/operations-list.schema.ts";
import type { Operation } from "../../contracts/operations.schema.ts";
import { countOperations } from "../../db/queries/operation-counts.ts";
import { readLastAttempts } from "../../db/queries/operations-list/last-attempts.ts";
import { exportOperations, listOperations } from "../../db/queries/operations-list/list.ts";
import { countMatching } from "../../db/queries/operations-list/total.ts";
import type { ApiDeps } from "../deps.ts";
import { CSV_HEADER, csvRow } from "../operations-csv.ts";
import { type AddRoute, TextStream } from "../route.ts";

const tag = "operations";

export function addOperationListRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/operations",
    id: "listOperations",
    tag,
    summary: "List operations by any filters, newest first unless sorted otherwise",
    permission: "read",
    query: OperationQuery,
    answer: OperationPage,
    handle: ({ query }) => listPage(deps, query),
  });
  add({
    method: "GET",
    url: "/v1/operations/counts",
    id: "countOperations",
    tag,
    summary: "How many operations are in each state, in all and by site",
    permission: "read",
    answer: OperationCounts,
    handle: () => countOperations(deps.db),
  });
  add({
    method: "GET",
    url: "/v1/operations.csv",
    id: "exportOperations",
    tag,
    summary: "All operations that match, as CSV with a header line",
    permission: "read",
    query: OperationExportQuery,
    answer: TextStream,
    media: "text/csv",
    async handle({ query: { sort, ...filter }, reply }) {
      reply.header("content-disposition", 'attachment; filename="operations.csv"');
      return Readable.from(csvOf(exportOperations(deps.db, filter, sort)), { highWaterMark: 1 });
    },
  });
}

async function listPage({ db, orchestrator }: ApiDeps, query: OperationQuery) {
  const { cursor: _cursor, limit: _limit, sort: _sort, include, count, ...filter } = query;
  const [page, total] = await Promise.all([
    listOperations(db, query),
    count === undefined ? undefined : countMatching(db, filter),
  ]);
  const [details, progress] = await Promise.all([
    include.includes("details")
      ? readLastAttempts(
          db,
          page.items.map(({ code }) => code),
        )
      : undefined,
    include.includes("progress") ? Promise.all(page.items.map(progressOf)) : undefined,
  ]);
  const items = page.items.map((item, index) => ({
    ...item,
    ...(details ? { details: details.get(item.code) ?? null } : {}),
    ...(progress ? { progress: progress[index] ?? null } : {}),
  }));
  return { ...page, items, ...(total === undefined ? {} : { total }) };

  /** All at once, so within the time that one may take. */
  async function progressOf({ code, run, state }: Operation) {
    return state === "running" ? orchestrator.progress({ code, run }) : null;
  }
}

async function* csvOf(pages: AsyncIterable<Operation[]>): AsyncGenerator<string> {
  yield CSV_HEADER;
  for await (const page of pages) if (page.length > 0) yield page.map(csvRow).join("");
}
