import { and, asc, count, desc, eq, ilike, inArray, lt, type SQL } from "drizzle-orm";
import type { Attempt, Operation, OperationCounts, OperationQuery } from "../../contracts/operations.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { OPERATION_STATES } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, operations, secretVersions, targetSnapshots } from "../schema/index.ts";
import { contains, type Page, readCursor, toPage } from "./cursor.ts";

const columns = {
  code: operations.code,
  kind: operations.kind,
  state: operations.state,
  phase: operations.phase,
  run: operations.run,
  credentialId: operations.credentialId,
  deviceId: operations.deviceId,
  target: {
    username: targetSnapshots.username,
    domain: targetSnapshots.domain,
    device: targetSnapshots.device,
    address: targetSnapshots.address,
    manufacturer: targetSnapshots.manufacturer,
    model: targetSnapshots.model,
    site: targetSnapshots.site,
    url: targetSnapshots.url,
    tags: targetSnapshots.tags,
  },
  policyId: operations.policyId,
  parentCode: operations.parentCode,
  approval: operations.approval,
  approvalRound: operations.approvalRound,
  approvalDigest: operations.approvalDigest,
  approvalExpiresAt: operations.approvalExpiresAt,
  trigger: operations.trigger,
  requestedBy: operations.requestedBy,
  reason: operations.reason,
  priority: operations.priority,
  runAttempts: operations.runAttempts,
  attempts: operations.attempts,
  scheduledFor: operations.scheduledFor,
  dueAt: operations.dueAt,
  waitingFor: operations.waitingFor,
  outcome: operations.outcome,
  requestedAt: operations.requestedAt,
  executedAt: operations.executedAt,
  endedAt: operations.endedAt,
};

function selectOperations(db: Database | Transaction) {
  return db.select(columns).from(operations).innerJoin(targetSnapshots, eq(targetSnapshots.id, operations.targetId));
}

/** What is stored was parsed as what is answered. */
type Rule = NonNullable<Operation["approval"]>["rule"];

function toOperation(row: Awaited<ReturnType<typeof selectOperations>>[number]): Operation {
  const { approval: rule, approvalRound: round, approvalDigest: digest, approvalExpiresAt, ...rest } = row;
  return {
    ...rest,
    approval: rule && { rule: rule as Rule, round, digest, expiresAt: approvalExpiresAt?.toISOString() ?? null },
    scheduledFor: row.scheduledFor.toISOString(),
    dueAt: row.dueAt.toISOString(),
    requestedAt: row.requestedAt.toISOString(),
    executedAt: row.executedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

/** @throws ApiProblem `operation.not-found` */
export async function readOperation(db: Database | Transaction, code: number): Promise<Operation> {
  const [row] = await selectOperations(db).where(eq(operations.code, code));
  if (!row) throw new ApiProblem("operation.not-found");
  return toOperation(row);
}

/** Newest first. Several values of one filter widen it, several filters narrow it. */
export async function listOperations(db: Database, query: OperationQuery): Promise<Page<Operation>> {
  const after = readCursor(query)?.[0];
  const targets = targetFilter(query);
  const rows = await selectOperations(db)
    .where(
      and(
        query.state === undefined ? undefined : inArray(operations.state, query.state),
        query.kind === undefined ? undefined : inArray(operations.kind, query.kind),
        query.code === undefined ? undefined : inArray(operations.code, query.code),
        query.credentialId === undefined ? undefined : inArray(operations.credentialId, query.credentialId),
        query.requester === undefined ? undefined : ilike(operations.requestedBy, contains(query.requester)),
        targets === undefined
          ? undefined
          : inArray(operations.targetId, db.select({ id: targetSnapshots.id }).from(targetSnapshots).where(targets)),
        after === undefined ? undefined : lt(operations.code, Number(after)),
      ),
    )
    .orderBy(desc(operations.code))
    .limit(query.limit + 1);
  return toPage(rows.map(toOperation), query, (row) => [row.code]);
}

/** The part of the filter that the small table of targets answers. */
function targetFilter({ username, device, site }: OperationQuery): SQL | undefined {
  return and(
    username === undefined ? undefined : ilike(targetSnapshots.username, contains(username)),
    device === undefined ? undefined : ilike(targetSnapshots.device, contains(device)),
    site === undefined ? undefined : ilike(targetSnapshots.site, contains(site)),
  );
}

/** In the order they were made. @throws ApiProblem `operation.not-found` */
export async function listAttempts(db: Database, code: number): Promise<Attempt[]> {
  const [operation] = await db.select({ code: operations.code }).from(operations).where(eq(operations.code, code));
  if (!operation) throw new ApiProblem("operation.not-found");
  const rows = await db
    .select({ attempt: attempts, secretVersion: secretVersions.version })
    .from(attempts)
    .leftJoin(secretVersions, eq(secretVersions.id, attempts.secretVersionId))
    .where(eq(attempts.operationCode, code))
    .orderBy(asc(attempts.number));
  return rows.map(({ attempt, secretVersion }) => ({
    number: attempt.number,
    run: attempt.run,
    epoch: attempt.epoch,
    plugin: attempt.plugin,
    authenticatorId: attempt.authenticatorId,
    worker: attempt.worker,
    startedAt: attempt.startedAt.toISOString(),
    sentAt: attempt.sentAt?.toISOString() ?? null,
    leaseUntil: attempt.leaseUntil?.toISOString() ?? null,
    endedAt: attempt.endedAt?.toISOString() ?? null,
    outcome: attempt.outcome,
    detail: attempt.detail,
    transcript: attempt.transcript,
    steps: attempt.steps,
    secretVersion,
  }));
}

/** How many operations are in each state. */
export async function countOperations(db: Database): Promise<OperationCounts> {
  const rows = await db.select({ state: operations.state, count: count() }).from(operations).groupBy(operations.state);
  const counted = new Map(rows.map((row) => [row.state, row.count]));
  return Object.fromEntries(OPERATION_STATES.map((state) => [state, counted.get(state) ?? 0])) as OperationCounts;
}
