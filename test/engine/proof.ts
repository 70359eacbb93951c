import { expect } from "vitest";
import { mayMove } from "../../contracts/states.ts";
import type { Estate } from "../helpers/estate.ts";
import type { MatrixTarget } from "./matrix-target.ts";

interface Account {
  readonly username: string;
  readonly password: string;
  readonly credentialId: string;
}

const STATE = /^operation\.(scheduled|awaiting-approval|running|succeeded|error|canceled|expired)$/;

/** What must be true of an operation that ended, whatever happened on the way. */
export async function proveNothingLost(
  estate: Estate,
  target: MatrixTarget,
  { code, account, mustSucceed }: { code: number; account: Account; mustSucceed: boolean },
): Promise<void> {
  const operation = await estate.operation(code);
  const versions = await estate.versions(account.credentialId);
  const attempts = await estate.attempts(code);
  const story = JSON.stringify({ operation, attempts }, undefined, 1);
  if (mustSucceed) expect(operation.state, story).toBe("succeeded");
  else expect(["succeeded", "error"], story).toContain(operation.state);

  const current = versions.filter(({ status }) => status === "current");
  expect(current).toHaveLength(1);
  expect(versions.filter(({ status }) => status === "candidate" || status === "doubtful")).toHaveLength(0);
  const stored = await estate.currentPassword(account.credentialId);
  expect(await target.logsIn(account.username, stored), "the stored password logs in").toBe(true);
  const promoted = versions.filter(({ operationCode, promotedAt }) => operationCode === code && promotedAt !== null);
  expect(promoted).toHaveLength(operation.state === "succeeded" ? 1 : 0);
  if (operation.state === "error") expect(stored, "the old password is proven live").toBe(account.password);
  else expect(stored).not.toBe(account.password);

  expect(attempts.length).toBe(operation.attempts);
  for (const attempt of attempts) {
    expect(attempt.endedAt, story).not.toBeNull();
    expect(attempt.outcome, story).not.toBeNull();
    expect(attempt.permit).toBe(false);
  }
  await proveAuditTellsTheStory(estate, code, operation.state);
}

/** The audit's states form a legal path from the request to where the operation is. */
export async function proveAuditTellsTheStory(estate: Estate, code: number, ended: string): Promise<void> {
  const path = (await estate.audit(code)).flatMap(({ action, details }) => {
    if (action === "operation.requested") return ["state" in details ? "awaiting-approval" : "scheduled"] as const;
    const state = STATE.exec(action)?.[1];
    return state ? [state as Parameters<typeof mayMove>[0]] : [];
  });
  expect(path.at(-1)).toBe(ended);
  for (const [index, state] of path.entries()) {
    const next = path[index + 1];
    // A probe of a restarted run stays running; everything else moves along the table.
    if (next && next !== state) expect(mayMove(state, next), path.join(" → ")).toBe(true);
  }
}
