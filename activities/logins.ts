import { setTimeout as sleep } from "node:timers/promises";
import type { ErrorCode } from "../contracts/errors.ts";
import type { CheckResult } from "../contracts/messages.ts";
import { type Reserved, reserveLogin, returnLogin } from "../db/queries/login-budget.ts";
import { PluginFailure } from "../plugins/plugin.ts";
import type { ActivityDeps } from "./deps.ts";

/** Failures that count on the device towards a lock-out. */
const COUNTED: ReadonlySet<ErrorCode> = new Set(["auth.rejected", "auth.locked", "verify.rejected"]);

/** How long a log-in waits for others of the same account that are under way. Milliseconds. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 20;

/** The account's budget is used up; nothing was sent. */
export class BudgetUsed extends PluginFailure {
  readonly freeAt: Date;

  constructor(freeAt: Date) {
    super("login-budget.used");
    this.freeAt = freeAt;
    this.effect = "none";
  }
}

interface LoginRequest {
  /** Budget key of the account that logs in. */
  readonly account: string;
  readonly forProbe: boolean;
}

async function reserve(deps: ActivityDeps, request: LoginRequest) {
  const settings = await deps.settings();
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const reservation = await reserveLogin(deps.db, { account: request.account, forProbe: request.forProbe, settings });
    if ("id" in reservation) return reservation;
    // Units held by log-ins under way come back in milliseconds; units lost to failures do not.
    if (!reservation.underWay || performance.now() > giveUpAt) throw new BudgetUsed(reservation.freeAt);
    await sleep(PAUSE_MS);
  }
}

/** Makes one log-in of an account within its budget. @throws BudgetUsed, or what the log-in throws */
export async function withinBudget<T>(deps: ActivityDeps, request: LoginRequest, login: () => Promise<T>): Promise<T> {
  const reservation = await reserve(deps, request);
  const result = await login().catch(async (error: unknown) => {
    const counted = error instanceof PluginFailure && COUNTED.has(error.code);
    await returnLogin(deps.db, reservation, counted ? "rejected" : "unknown");
    throw error;
  });
  // What was opened is the caller's to close, whatever becomes of the word about it: a device has few places.
  await returnLogin(deps.db, reservation, "accepted").catch((error: unknown) =>
    deps.log.warn({ err: error }, "a log-in could not be given back: it counts as failed until its window is over"),
  );
  return result;
}

/** The answer of a check, with when a used-up budget frees, or the reservation that its promotion returns. */
export interface BudgetedCheck extends CheckResult {
  readonly freeAt?: Date;
  readonly reserved?: Reserved;
}

/**
 * Checks a password within the account's budget; a used-up budget is an unknown verdict.
 * @param request.keep leaves the return of an accepted log-in to the transaction that promotes its password
 */
export async function checkWithinBudget(
  deps: ActivityDeps,
  request: LoginRequest & { readonly keep?: boolean },
  check: () => Promise<CheckResult>,
): Promise<BudgetedCheck> {
  try {
    const reserved = await reserve(deps, request);
    const result = await check();
    if (request.keep && result.verdict === "accepted") return { ...result, reserved };
    await returnLogin(deps.db, reserved, result.verdict);
    return result;
  } catch (error) {
    if (error instanceof BudgetUsed) return { verdict: "unknown", code: error.code, freeAt: error.freeAt };
    throw error;
  }
}
