import { and, eq, sql } from "drizzle-orm";
import type { LastAttempt } from "../../../contracts/operations-list.schema.ts";
import { outcomeSentence } from "../../../contracts/outcome.ts";
import type { Database } from "../../client.ts";
import { attempts, operations } from "../../schema/index.ts";
import { bigintArray } from "./sql-parts.ts";

/** What the latest attempt of each operation used and said, by code. */
export async function readLastAttempts(db: Database, codes: readonly number[]): Promise<Map<number, LastAttempt>> {
  if (codes.length === 0) return new Map();
  const rows = await db
    .select({
      code: operations.code,
      plugin: attempts.plugin,
      templateId: attempts.templateId,
      templateVersion: attempts.templateVersion,
      worker: attempts.worker,
      outcome: attempts.outcome,
      detail: attempts.detail,
    })
    .from(operations)
    .innerJoin(attempts, and(eq(attempts.operationCode, operations.code), eq(attempts.number, operations.attempts)))
    .where(sql`${operations.code} = any(${bigintArray(codes)})`);
  return new Map(rows.map(({ code, ...row }) => [code, { ...row, message: outcomeSentence(row.outcome) }]));
}
