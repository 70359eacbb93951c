/** Credentials that change after another one, on real servers, and what must be true of them when all is over. */
import { eq, inArray, sql } from "drizzle-orm";
import { expect, vi } from "vitest";
import * as schema from "../../db/schema/index.ts";
import type { Estate } from "../helpers/estate.ts";
import { addAccounts, type MatrixTarget, type Place } from "./matrix-target.ts";

const { credentials, operations } = schema;

/** A credential of a real account. */
export interface Member {
  readonly username: string;
  /** As it was in the beginning. */
  readonly password: string;
  readonly credentialId: string;
  /** A real, fresh log-in. */
  logsIn(password: string): Promise<boolean>;
}

/** New accounts on the target. */
export async function addMembers(
  estate: Estate,
  { target, place }: { target: MatrixTarget; place: Place },
  count: number,
): Promise<Member[]> {
  const accounts = await addAccounts(estate, target, place, count);
  return accounts.map((account) => ({
    ...account,
    logsIn: (password: string) => target.logsIn(account.username, password),
  }));
}

/** Makes the member a child of the parent; other fields may be set with it. */
export async function adopt(
  estate: Estate,
  parent: Member,
  children: readonly Member[],
  of: Partial<typeof credentials.$inferInsert> = {},
): Promise<void> {
  await estate.db
    .update(credentials)
    .set({ parentCredentialId: parent.credentialId, ...of })
    .where(
      inArray(
        credentials.id,
        children.map(({ credentialId }) => credentialId),
      ),
    );
}

/** All operations there were of it, oldest first. */
export function operationsOf(estate: Estate, { credentialId }: Member) {
  return estate.db.select().from(operations).where(eq(operations.credentialId, credentialId)).orderBy(operations.code);
}

/** The operations that the success of one made, in the order of their codes. */
export function childrenOf(estate: Estate, code: number) {
  return estate.db.select().from(operations).where(eq(operations.parentCode, code)).orderBy(operations.code);
}

/** Waits until what is said holds. */
export async function eventually(check: () => Promise<void>, withinMs = 400_000): Promise<void> {
  await vi.waitFor(check, { timeout: withinMs, interval: 100 });
}

/** Waits until all chains are over and every operation has ended. */
export async function settled(estate: Estate, withinMs?: number): Promise<void> {
  await eventually(async () => {
    const open = await estate.db
      .select({ code: operations.code, state: operations.state, waitingFor: operations.waitingFor })
      .from(operations)
      .where(sql`${operations.wakeAt} is not null or ${operations.childrenPending}`);
    expect(open).toEqual([]);
  }, withinMs);
}

/** Each child has its parent's present password, stored and on the device, and knows whose version it is. */
export async function proveFollowed(estate: Estate, parent: Member, children: readonly Member[]): Promise<void> {
  const value = await estate.currentPassword(parent.credentialId);
  expect(await parent.logsIn(value)).toBe(true);
  const current = (await estate.versions(parent.credentialId)).find(({ status }) => status === "current");
  for (const child of children) {
    const versions = await estate.versions(child.credentialId);
    expect(versions.filter(({ status }) => status === "candidate" || status === "doubtful")).toEqual([]);
    expect(versions.find(({ status }) => status === "current")).toMatchObject({
      origin: "parent",
      parentVersionId: current?.id,
    });
    expect(await estate.currentPassword(child.credentialId)).toBe(value);
    expect(await child.logsIn(value), `${child.username} logs in`).toBe(true);
  }
}

/** One operation of this chain for each child, and one promotion for each of them that succeeded. */
export async function proveOnce(estate: Estate, code: number, children: readonly Member[]): Promise<void> {
  const made = await childrenOf(estate, code);
  expect(made.map(({ credentialId }) => credentialId).toSorted()).toEqual(
    children.map(({ credentialId }) => credentialId).toSorted(),
  );
  for (const { code: child, state, credentialId } of made) {
    const versions = await estate.versions(credentialId);
    const promoted = versions.filter(({ operationCode, promotedAt }) => operationCode === child && promotedAt !== null);
    expect(promoted).toHaveLength(state === "succeeded" ? 1 : 0);
  }
}
