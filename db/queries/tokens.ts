import { createHash, randomBytes } from "node:crypto";
import { and, desc, eq, isNull, lt, sql } from "drizzle-orm";
import type { Token, TokenInput } from "../../contracts/administration.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { tokens } from "../schema/index.ts";
import { auditObject } from "./audit.ts";
import { type Page, readCursor, toPage } from "./cursor.ts";

/** Any number nobody else takes: one first administrator. */
const LOCK = 7_204_190_003;

type TokenRow = typeof tokens.$inferSelect;

function digestOf(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}

/** A new bearer token: 256 random bits. */
export function makeTokenValue(): string {
  return `kt_${randomBytes(32).toString("base64url")}`;
}

function toToken(row: TokenRow): Token {
  const { digest: _digest, ...rest } = row;
  const time = (date: Date | null) => date?.toISOString() ?? null;
  return {
    ...rest,
    expiresAt: time(row.expiresAt),
    revokedAt: time(row.revokedAt),
    lastUsedAt: time(row.lastUsedAt),
    createdAt: row.createdAt.toISOString(),
  };
}

/** The token with this value if it may be used now; notes its use, at most once a minute. */
export async function findToken(db: Database, value: string): Promise<TokenRow | undefined> {
  const [row] = await db
    .select()
    .from(tokens)
    .where(
      and(
        eq(tokens.digest, digestOf(value)),
        isNull(tokens.revokedAt),
        sql`(${tokens.expiresAt} is null or ${tokens.expiresAt} > now())`,
      ),
    );
  if (row && (row.lastUsedAt === null || Date.now() - row.lastUsedAt.getTime() > 60_000))
    await db
      .update(tokens)
      .set({ lastUsedAt: sql`now()` })
      .where(eq(tokens.id, row.id));
  return row;
}

/** Stores a token by the digest of its value. */
export async function createToken(
  tx: Database | Transaction,
  input: TokenInput & { readonly value: string },
): Promise<Token> {
  const { value, ...given } = input;
  const [row] = await tx
    .insert(tokens)
    .values({ ...given, id: newId(), digest: digestOf(value), allowedAddresses: given.allowedAddresses ?? [] })
    .returning();
  if (!row) throw new Error("the token was not stored");
  return toToken(row);
}

/** Newest first. */
export async function listTokens(
  db: Database,
  query: { cursor?: string | undefined; limit: number },
): Promise<Page<Token>> {
  const after = readCursor(query)?.[0];
  const rows = await db
    .select()
    .from(tokens)
    .where(after === undefined ? undefined : lt(tokens.id, after))
    .orderBy(desc(tokens.id))
    .limit(query.limit + 1);
  return toPage(rows.map(toToken), query, (row) => [row.id]);
}

/** @throws ApiProblem `request.not-found` when there is none, or it is revoked already */
export async function revokeToken(tx: Transaction, id: string): Promise<Token> {
  const [row] = await tx
    .update(tokens)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(tokens.id, id), isNull(tokens.revokedAt)))
    .returning();
  if (!row) throw new ApiProblem("request.not-found", "There is no valid token with this id.");
  return toToken(row);
}

/**
 * Makes the first administrator's token if nobody could administer otherwise.
 * @param prepare gives the value; called only when one is needed, and before it is stored
 * @returns whether it was made
 */
export async function bootstrapToken(db: Database, prepare: () => Promise<string>): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
    const usable = sql`'administrator' = any(${tokens.roles}) and ${tokens.revokedAt} is null
      and (${tokens.expiresAt} is null or ${tokens.expiresAt} > now())`;
    const [existing] = await tx.select({ id: tokens.id }).from(tokens).where(usable).limit(1);
    if (existing) return false;
    const value = await prepare();
    const { id } = await createToken(tx, { name: "bootstrap", owner: "bootstrap", roles: ["administrator"], value });
    await auditObject(tx, { actor: "api" }, { action: "token.created", objectType: "token", objectId: id });
    return true;
  });
}
