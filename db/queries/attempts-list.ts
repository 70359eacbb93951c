import { eq, type SQL, sql } from "drizzle-orm";
import type { AttemptQuery, ListedAttempt } from "../../contracts/attempts-list.schema.ts";
import type { Database } from "../client.ts";
import { attempts, operations, targetSnapshots } from "../schema/index.ts";
import { type Page, readCursor, refusedCursor, toPage } from "./cursor.ts";
import { textArray } from "./eligibility.ts";
import { SHOWN, toAttempt } from "./operation-attempts.ts";
import { TARGET } from "./operation.ts";
import { type Match, resolveMatch } from "./operations-list/match.ts";
import { bigintArray, ofTargets, where } from "./operations-list/sql-parts.ts";
import { CHEAP, walkIfNear } from "./operations-list/walk-if-near.ts";

/** An attempt's place: its start in microseconds since 1970, and its key. */
interface Place {
  readonly started: string;
  readonly code: number;
  readonly number: number;
}

/** One page of the attempts of all operations that match. */
export async function listAttempts(db: Database, query: AttemptQuery): Promise<Page<ListedAttempt>> {
  const { cursor, limit, sort, outcome, executedFrom, executedTo, ...filter } = query;
  const place = readCursor(query);
  const after = place && readPlace(place, cursor ?? "");
  const match = await resolveMatch(db, filter);
  if (!match) return { items: [], nextCursor: null };
  const descending = sort === "-started";
  const direction = sql.raw(descending ? "desc" : "asc");
  const search: Search = {
    db,
    match,
    limit: limit + 1,
    order: (rows) =>
      sql`${sql.identifier(rows)}.started_at ${direction}, ${sql.identifier(rows)}.operation_code ${direction}, ${sql.identifier(rows)}.number ${direction}`,
    ofTime: [
      ...(executedFrom ? [sql`a.started_at >= ${executedFrom.toISOString()}::timestamptz`] : []),
      ...(executedTo ? [sql`a.started_at < ${executedTo.toISOString()}::timestamptz`] : []),
      ...(after ? [behind(after, descending)] : []),
    ],
    ofOutcome: outcome ? [sql`a.outcome = any(${textArray(outcome)})`] : [],
  };
  const found = await find(search);
  const { items, nextCursor } = toPage(found, query, ({ started, code, number }) => [started, code, number]);
  return { items: await readAttempts(db, items), nextCursor };
}

function readPlace([started = "", code = "", number = ""]: readonly string[], cursor: string): Place {
  if (/^-?\d{1,18}$/.test(started) && /^\d{1,15}$/.test(code) && /^\d{1,9}$/.test(number))
    return { started, code: Number(code), number: Number(number) };
  throw refusedCursor(cursor);
}

function behind({ started, code, number }: Place, descending: boolean): SQL {
  const at = sql`timestamptz 'epoch' + ${started}::bigint * interval '1 microsecond'`;
  return sql`(a.started_at, a.operation_code, a.number) ${sql.raw(descending ? "<" : ">")} (${at}, ${code}::bigint, ${number}::int)`;
}

interface Search {
  readonly db: Database;
  readonly match: Match;
  readonly limit: number;
  /** Conditions on attempts named `a`. */
  readonly ofTime: readonly SQL[];
  readonly ofOutcome: readonly SQL[];
  order(rows: string): SQL;
}

interface FoundRow extends Record<string, unknown> {
  readonly scanned: number;
  readonly code: string | null;
  readonly number: number | null;
  readonly started: string | null;
}

const STARTED = sql`trunc(extract(epoch from found.started_at) * 1000000)::text as started`;

async function find(search: Search): Promise<Place[]> {
  const isCheap = (await gatheringCost(search)) <= CHEAP;
  const walked = isCheap
    ? undefined
    : await walkIfNear({
        limit: search.limit,
        walk: (rows) => walk(search, rows),
        cost: () => gatheringCost(search),
      });
  return walked ?? gather(search);
}

/** Looks at so many attempts by their start. */
async function walk({ db, match, limit, order, ofTime, ofOutcome }: Search, rows: number) {
  const targets = ofTargets(match.targets, "seen");
  const found = await db.execute<FoundRow>(sql`
    with walked as materialized (
      select a.operation_code, a.number, a.started_at, a.outcome from attempts a ${where(ofTime)}
      order by ${order("a")} limit ${rows}
    ), seen as materialized (
      select a.operation_code, a.number, a.started_at, o.target_id
      from walked a join operations o on o.code = a.operation_code
      ${where([...ofOperation(match), ...ofOutcome])}
    )${targets.named}, found as (
      select o.operation_code, o.number, o.started_at from seen o ${where(targets.conditions)}
      order by ${order("o")} limit ${limit}
    )
    select scanned, found.operation_code as code, found.number, ${STARTED}
    from (select count(*)::int as scanned from walked) one left join found on true order by ${order("found")}`);
  return { places: toPlaces(found), scanned: found[0]?.scanned ?? 0 };
}

async function gather(search: Search): Promise<Place[]> {
  const { db, match, limit, order } = search;
  const targets = ofTargets(match.targets, "seen");
  const found = await db.execute<FoundRow>(sql`
    with seen as materialized (${matching(search)})${targets.named}, found as (
      select o.operation_code, o.number, o.started_at from seen o ${where(targets.conditions)}
    )
    select found.operation_code as code, found.number, ${STARTED} from found order by ${order("found")} limit ${limit}`);
  return toPlaces(found);
}

async function gatheringCost(search: Search): Promise<number> {
  const [row] = await search.db.execute<{ "QUERY PLAN": [{ Plan: Record<"Total Cost" | "Plan Rows", number> }] }>(
    sql`explain (format json) ${matching(search)}`,
  );
  const plan = row?.["QUERY PLAN"][0].Plan;
  return plan ? plan["Total Cost"] + plan["Plan Rows"] : 0;
}

function matching({ match, ofTime, ofOutcome }: Search): SQL {
  return sql`
    select a.operation_code, a.number, a.started_at, o.target_id
    from attempts a join operations o on o.code = a.operation_code
    ${where([...ofOperation(match), ...ofTime, ...ofOutcome])}`;
}

/** What is asked of the operation, but for targets too many to be named. */
function ofOperation({ states, conditions, scheduled, targets }: Match): SQL[] {
  return [
    ...(states ? [sql`o.state = any(${textArray(states)})`] : []),
    ...conditions,
    ...scheduled,
    ...(targets && "ids" in targets ? [sql`o.target_id = any(${bigintArray(targets.ids)})`] : []),
  ];
}

function toPlaces(rows: readonly FoundRow[]): Place[] {
  return rows.flatMap(({ code, number, started }) =>
    code === null || number === null || started === null ? [] : [{ code: Number(code), number, started }],
  );
}

/** What is shown of the attempted operation. */
const OPERATION = {
  code: operations.code,
  kind: operations.kind,
  state: operations.state,
  credentialId: operations.credentialId,
  deviceId: operations.deviceId,
  parentCode: operations.parentCode,
  trigger: operations.trigger,
  requestedBy: operations.requestedBy,
  dueAt: operations.dueAt,
};

async function readAttempts(db: Database, places: readonly Place[]): Promise<ListedAttempt[]> {
  if (places.length === 0) return [];
  const codes = places.map(({ code }) => code);
  const numbers = places.map(({ number }) => number);
  const rows = await db
    .select({ operation: OPERATION, target: TARGET, attempt: SHOWN })
    .from(attempts)
    .innerJoin(operations, eq(operations.code, attempts.operationCode))
    .innerJoin(targetSnapshots, eq(targetSnapshots.id, operations.targetId))
    .where(
      sql`(${attempts.operationCode}, ${attempts.number}) in (
        select * from unnest(${bigintArray(codes)}, ${bigintArray(numbers)}))`,
    );
  const key = (code: number, number: number) => `${code} ${number}`;
  const found = new Map(rows.map((row) => [key(row.operation.code, row.attempt.number), row]));
  return places.flatMap(({ code, number }) => {
    const row = found.get(key(code, number));
    if (!row) return [];
    const { operation, target, attempt } = row;
    return [{ operation: { ...operation, target, dueAt: operation.dueAt.toISOString() }, ...toAttempt(attempt) }];
  });
}
