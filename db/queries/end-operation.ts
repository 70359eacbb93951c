import { inArray, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationState } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { operations, outbox } from "../schema/index.ts";
import { type Actor, auditOperations, WORKER } from "./audit.ts";
import { coolDownAfter, noteFailure } from "./next-change.ts";

export interface Ending {
  readonly code: number;
  readonly state: Extract<OperationState, "succeeded" | "error" | "canceled" | "expired">;
  readonly outcome?: ErrorCode;
  readonly details?: Record<string, unknown>;
  readonly actor?: Actor;
  /** Whether a chain is to give the credential's children their operations. */
  readonly childrenPending?: boolean;
}

/**
 * Ends an operation whose row the transaction holds: frees its credential, and writes audit row and outbox event.
 */
export async function endOperation(tx: Transaction, { code, ...ending }: Ending): Promise<void> {
  await endOperations(tx, [code], ending);
}

/** Ends several in the same way. */
export async function endOperations(
  tx: Transaction,
  codes: readonly number[],
  { state, outcome, ...ending }: Omit<Ending, "code">,
): Promise<void> {
  if (codes.length === 0) return;
  const said = outcome ? { outcome } : {};
  await Promise.all([
    tx
      .update(operations)
      .set({
        state,
        outcome: outcome ?? null,
        phase: null,
        openCredentialId: null,
        waitingFor: null,
        permitGrantedAt: null,
        wakeAt: null,
        endedAt: sql`now()`,
        ...(ending.childrenPending ? { childrenPending: true } : {}),
      })
      .where(inArray(operations.code, [...codes])),
    auditOperations(
      tx,
      ending.actor ?? WORKER,
      codes.map((code) => ({ code, action: `operation.${state}`, details: { ...said, ...ending.details } })),
    ),
    state === "error" && outcome ? noteFailure(tx, codes, outcome) : undefined,
    state === "canceled" || state === "expired" ? coolDownAfter(tx, codes) : undefined,
    state === "canceled" || state === "expired" ? hastenRemovals(tx, codes) : undefined,
    tx.insert(outbox).values(codes.map((code) => ({ event: `operation.${state}`, payload: { code, ...said } }))),
  ]);
}

/** What will never be made need not wait for its lifetime's end: its removal finds that there is nothing to remove. */
async function hastenRemovals(tx: Transaction, codes: readonly number[]): Promise<void> {
  await tx.execute(sql`
    update operations set due_at = least(due_at, now()), wake_at = now()
    where kind = 'ephemeral-credential-removal' and state = 'scheduled' and credential_id in (
      select credential_id from operations
      where code = any(${`{${codes.join(",")}}`}::bigint[]) and kind = 'ephemeral-credential-creation')`);
}
