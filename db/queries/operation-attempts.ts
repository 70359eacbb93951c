import { asc, eq } from "drizzle-orm";
import type { Attempt } from "../../contracts/operations.schema.ts";
import { outcomeSentence } from "../../contracts/outcome.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database } from "../client.ts";
import { attempts, operations, secretVersions, type StepRecord } from "../schema/index.ts";

/** In the order they were made. @throws ApiProblem `operation.not-found` */
export async function listAttemptsOf(db: Database, code: number): Promise<Attempt[]> {
  const [operation] = await db.select({ code: operations.code }).from(operations).where(eq(operations.code, code));
  if (!operation) throw new ApiProblem("operation.not-found");
  const rows = await db
    .select({ attempt: attempts, secretVersion: secretVersions.version })
    .from(attempts)
    .leftJoin(secretVersions, eq(secretVersions.id, attempts.secretVersionId))
    .where(eq(attempts.operationCode, code))
    .orderBy(asc(attempts.number));
  return rows.map(({ attempt, secretVersion }) => ({
    ...toAttempt(attempt),
    epoch: attempt.epoch,
    leaseUntil: attempt.leaseUntil?.toISOString() ?? null,
    transcript: attempt.transcript,
    secretVersion,
  }));
}

/** Columns that lists and details of attempts have in common. */
export const SHOWN = {
  number: attempts.number,
  run: attempts.run,
  plugin: attempts.plugin,
  templateId: attempts.templateId,
  templateVersion: attempts.templateVersion,
  authenticatorId: attempts.authenticatorId,
  worker: attempts.worker,
  startedAt: attempts.startedAt,
  sentAt: attempts.sentAt,
  endedAt: attempts.endedAt,
  outcome: attempts.outcome,
  detail: attempts.detail,
  steps: attempts.steps,
};

/** The same as answered. */
export function toAttempt(row: Pick<typeof attempts.$inferSelect, keyof typeof SHOWN>) {
  return {
    number: row.number,
    run: row.run,
    plugin: row.plugin,
    templateId: row.templateId,
    templateVersion: row.templateVersion,
    authenticatorId: row.authenticatorId,
    worker: row.worker,
    startedAt: row.startedAt.toISOString(),
    sentAt: row.sentAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    outcome: row.outcome,
    message: outcomeSentence(row.outcome),
    detail: row.detail,
    steps: row.steps.map(withEnd),
  };
}

function withEnd({ step, startedAt, ms, code }: StepRecord) {
  const endedAt = new Date(Date.parse(startedAt) + ms).toISOString();
  return { step, startedAt, endedAt, ms, ...(code === undefined ? {} : { code }) };
}
