import { eq, sql } from "drizzle-orm";
import type { Operation } from "../../contracts/operations.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { operations, targetSnapshots } from "../schema/index.ts";
import { bigintArray } from "./operations-list/sql-parts.ts";

/** The target as it was when an operation was requested. */
export const TARGET = {
  username: targetSnapshots.username,
  domain: targetSnapshots.domain,
  device: targetSnapshots.device,
  address: targetSnapshots.address,
  manufacturer: targetSnapshots.manufacturer,
  model: targetSnapshots.model,
  site: targetSnapshots.site,
  url: targetSnapshots.url,
  tags: targetSnapshots.tags,
};

/** What a list and the details of an operation show of it; the query joins its target. */
const columns = {
  code: operations.code,
  kind: operations.kind,
  state: operations.state,
  phase: operations.phase,
  run: operations.run,
  credentialId: operations.credentialId,
  deviceId: operations.deviceId,
  target: TARGET,
  templateId: operations.templateId,
  parameters: operations.parameters,
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

/** In the order of the codes given; codes that nobody has are left out. */
export async function readOperations(db: Database, codes: readonly number[]): Promise<Operation[]> {
  if (codes.length === 0) return [];
  const rows = await selectOperations(db).where(sql`${operations.code} = any(${bigintArray(codes)})`);
  const found = new Map(rows.map((row) => [row.code, row]));
  return codes.flatMap((code) => {
    const row = found.get(code);
    return row ? [toOperation(row)] : [];
  });
}
