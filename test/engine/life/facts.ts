/** Everything our database knows of what happened, with the moment of each commit. */
import { asc, inArray, sql } from "drizzle-orm";
import { isOpen, mayAct, mayMove, type OperationAction, type OperationState } from "../../../contracts/states.ts";
import * as schema from "../../../db/schema/index.ts";
import type { Estate } from "../../helpers/estate.ts";

export interface AuditRow {
  readonly code: number;
  readonly action: string;
  readonly requestId: string;
  readonly details: Record<string, unknown>;
  /** When it was committed, milliseconds since 1970. */
  readonly at: number;
}

/** A state, and the time in which an operation was in it: from one commit to the next. */
export interface Stay {
  readonly state: OperationState;
  readonly from: number;
  readonly until: number;
  /** Decisions hold for a round. */
  readonly round: number;
}

/** Where the audit says that an operation is. */
interface Folded {
  readonly stays: readonly Stay[];
  readonly attempts: number;
  readonly run: number;
  /** What no path through the states explains. */
  readonly illegal: readonly string[];
}

export type Operation = typeof schema.operations.$inferSelect & {
  readonly audit: readonly AuditRow[];
  readonly folded: Folded;
  /** Each move of its row, as a trigger saw it. */
  readonly moves: readonly (typeof schema.operationEvents.$inferSelect)[];
  readonly attemptRows: readonly (typeof schema.attempts.$inferSelect)[];
  readonly approvals: readonly (typeof schema.approvals.$inferSelect & { readonly committed: number })[];
};

export interface Facts {
  readonly operations: readonly Operation[];
  readonly credentials: readonly (typeof schema.credentials.$inferSelect)[];
  readonly versions: readonly (typeof schema.secretVersions.$inferSelect)[];
}

const COMMITTED = sql<number>`(extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8`;

/** Reads the stories of these credentials. */
export async function readFacts({ db }: Estate, credentialIds: readonly string[]): Promise<Facts> {
  const ids = [...credentialIds];
  const { operations, attempts, audit, approvals, credentials, secretVersions, operationEvents } = schema;
  const rows = await db
    .select()
    .from(operations)
    .where(inArray(operations.credentialId, ids))
    .orderBy(asc(operations.code));
  const [attemptRows, auditRows, approvalRows, credentialRows, versions, events] = await Promise.all([
    db.select().from(attempts).orderBy(asc(attempts.operationCode), asc(attempts.number)),
    db
      .select({
        code: audit.operationCode,
        action: audit.action,
        requestId: audit.requestId,
        details: audit.details,
        at: COMMITTED,
      })
      .from(audit)
      .where(sql`${audit.operationCode} is not null`)
      .orderBy(asc(audit.id)),
    db.select({ approval: approvals, committed: COMMITTED }).from(approvals).orderBy(asc(approvals.operationCode)),
    db.select().from(credentials).where(inArray(credentials.id, ids)),
    db
      .select()
      .from(secretVersions)
      .where(inArray(secretVersions.credentialId, ids))
      .orderBy(asc(secretVersions.version)),
    db.select().from(operationEvents).orderBy(asc(operationEvents.id)),
  ]);
  const auditOf = Map.groupBy(auditRows, ({ code }) => code);
  return {
    credentials: credentialRows,
    versions,
    operations: rows.map((row) => {
      const own = (auditOf.get(row.code) ?? []).map((one) => ({ ...one, code: row.code }));
      return {
        ...row,
        audit: own,
        folded: fold(own),
        moves: events.filter(({ code }) => code === row.code),
        attemptRows: attemptRows.filter(({ operationCode }) => operationCode === row.code),
        approvals: approvalRows
          .filter(({ approval }) => approval.operationCode === row.code)
          .map(({ approval, committed }) => ({ ...approval, committed })),
      };
    }),
  };
}

const STATE = /^operation\.(scheduled|awaiting-approval|running|succeeded|error|canceled|expired)$/;

/** What an audit row says was done by a person, and so had to be allowed in the state before. */
const ACTS: Readonly<Record<string, OperationAction>> = {
  "operation.approved": "approve",
  "operation.rejected": "reject",
  "operation.run-now": "run-now",
  "operation.canceled": "cancel",
  "operation.restarted": "restart",
};

/** Follows an operation through its audit alone. */
export function fold(audit: readonly AuditRow[]): Folded {
  const stays: { state: OperationState; from: number; until: number; round: number }[] = [];
  const illegal: string[] = [];
  let attempts = 0;
  let run = 1;
  for (const { action, details, at } of audit) {
    const before = stays.at(-1);
    const act = ACTS[action];
    if (before && act && !mayAct(act, before.state)) illegal.push(`${act} in ${before.state}`);
    if (action === "operation.running") attempts += 1;
    if (action === "operation.restarted" || action === "repair.revived") run += 1;
    const state = stateAfter(action, details);
    if (!state) continue;
    const asked = before?.state === "awaiting-approval" && state === "awaiting-approval";
    if (!before ? action !== "operation.requested" : !asked && !mayMove(before.state, state))
      illegal.push(`${before?.state ?? "nothing"} → ${state}`);
    if (before) before.until = at;
    const round = typeof details["round"] === "number" ? details["round"] : (before?.round ?? 1);
    stays.push({ state, from: at, until: Infinity, round });
  }
  return { stays, attempts, run, illegal };
}

function stateAfter(action: string, details: Record<string, unknown>): OperationState | undefined {
  if (action === "operation.requested")
    return details["state"] === "awaiting-approval" ? "awaiting-approval" : "scheduled";
  if (action === "operation.restarted") return "scheduled";
  return STATE.exec(action)?.[1] as OperationState | undefined;
}

/** Whether the operation was in such a state at some moment of the time. */
export function was(
  { folded }: Operation,
  wanted: (state: OperationState) => boolean,
  { from, until }: { from: number; until: number },
): boolean {
  return folded.stays.some((stay) => wanted(stay.state) && stay.from <= until && stay.until >= from);
}

/** Whether it held its credential's open place at some moment of the time. */
export function wasOpen(operation: Operation, time: { from: number; until: number }): boolean {
  return was(operation, isOpen, time);
}
