import { type SQL, sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { OperationState } from "../../../contracts/states.ts";
import type { Database, Transaction } from "../../client.ts";
import { textArray, uuidArray } from "../eligibility.ts";
import { matchRequesters } from "./requesters.ts";
import { EXECUTED } from "./sorting.ts";
import { bigintArray } from "./sql-parts.ts";
import { matchTargets, type TargetMatch } from "./targets.ts";

/** A filter as conditions over operations named `o`, after the small tables have said which of their rows it means. */
export interface Match {
  readonly states: readonly OperationState[] | undefined;
  /** Everything but state, targets and ranges of time. */
  readonly conditions: readonly SQL[];
  readonly targets: TargetMatch | undefined;
  readonly scheduled: readonly SQL[];
  readonly executed: readonly SQL[];
  /** Columns that conditions ask for and that no index for walking holds, as a further part of a SELECT list. */
  readonly more: SQL | undefined;
  /** Whether so few operations can match that they are looked up and nothing is walked. */
  readonly few: boolean;
}

/** Resolves a filter; undefined when nothing can match. */
export async function resolveMatch(db: Database | Transaction, filter: OperationFilter): Promise<Match | undefined> {
  const [targets, requesters] = await Promise.all([matchTargets(db, filter), matchRequesters(db, filter)]);
  if (targets === "none" || requesters === "none") return undefined;
  const { scheduledFrom, scheduledTo, executedFrom, executedTo } = filter;
  const columns = [
    filter.credentialId && "credential_id",
    filter.deviceId && "device_id",
    filter.parentCode && "parent_code",
  ].filter((column) => column !== undefined);
  return {
    states: filter.state && [...new Set(filter.state)],
    conditions: [
      filter.code && sql`o.code = any(${bigintArray(filter.code)})`,
      filter.parentCode && sql`o.parent_code = any(${bigintArray(filter.parentCode)})`,
      filter.credentialId && sql`o.credential_id = any(${uuidArray(filter.credentialId)})`,
      filter.deviceId && sql`o.device_id = any(${uuidArray(filter.deviceId)})`,
      filter.kind && sql`o.kind = any(${textArray(filter.kind)})`,
      requesters,
    ].filter((condition) => condition !== undefined),
    targets,
    scheduled: between(sql`o.due_at`, scheduledFrom, scheduledTo),
    executed: [
      ...between(EXECUTED, executedFrom, executedTo),
      ...(executedTo && !executedFrom ? [sql`${EXECUTED} > '-infinity'`] : []),
    ],
    more: columns.length > 0 ? sql.raw(columns.map((column) => `, o.${column}`).join("")) : undefined,
    few: filter.code !== undefined || filter.parentCode !== undefined,
  };
}

function between(column: SQL, from: Date | undefined, to: Date | undefined): SQL[] {
  return [
    ...(from ? [sql`${column} >= ${from.toISOString()}::timestamptz`] : []),
    ...(to ? [sql`${column} < ${to.toISOString()}::timestamptz`] : []),
  ];
}
