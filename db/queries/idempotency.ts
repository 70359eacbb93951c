import { and, eq, sql } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { idempotencyKeys } from "../schema/index.ts";

/** An Idempotency-Key as it came with a request. */
export interface IdempotentRequest {
  readonly tokenId: string;
  readonly key: string;
  /** Keyed digest over route and body. */
  readonly digest: string;
}

export interface Answered<T> {
  readonly answer: T;
  readonly replayed: boolean;
}

/**
 * Runs the work in one transaction and stores its answer in the same one; a repeated key gets the stored answer.
 * Work that throws stores nothing, so the key can be used again.
 * @throws ApiProblem `idempotency.in-flight`, `idempotency.key-reused`
 */
export async function once<T>(
  db: Database,
  request: IdempotentRequest,
  work: (tx: Transaction) => Promise<T>,
): Promise<Answered<T>> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.execute<{ mine: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended(${`${request.tokenId} ${request.key}`}, 0)) as mine`,
    );
    if (!lock?.mine) throw new ApiProblem("idempotency.in-flight");
    const mine = and(eq(idempotencyKeys.tokenId, request.tokenId), eq(idempotencyKeys.key, request.key));
    const [stored] = await tx.select().from(idempotencyKeys).where(mine);
    if (stored && stored.digest !== request.digest) throw new ApiProblem("idempotency.key-reused");
    // What is stored was written by this very work for the same route and body.
    if (stored) return { answer: stored.body as T, replayed: true };
    const answer = await work(tx);
    await tx.insert(idempotencyKeys).values({ ...request, body: answer });
    return { answer, replayed: false };
  });
}

/** Forgets keys older than 24 hours. */
export async function forgetKeys(db: Database): Promise<void> {
  await db.delete(idempotencyKeys).where(sql`${idempotencyKeys.createdAt} < now() - interval '24 hours'`);
}
