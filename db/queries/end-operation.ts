import { eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationState } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { operations, outbox } from "../schema/index.ts";
import { type Actor, auditOperation, WORKER } from "./audit.ts";

export interface Ending {
  readonly code: number;
  readonly state: Extract<OperationState, "succeeded" | "error" | "canceled" | "expired">;
  readonly outcome?: ErrorCode;
  readonly details?: Record<string, unknown>;
  readonly actor?: Actor;
}

/**
 * Ends an operation whose row the transaction holds: frees its credential, and writes audit row and outbox event.
 */
export async function endOperation(tx: Transaction, ending: Ending): Promise<void> {
  const { code, state, outcome } = ending;
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
      })
      .where(eq(operations.code, code)),
    auditOperation(tx, ending.actor ?? WORKER, {
      code,
      action: `operation.${state}`,
      details: { ...(outcome ? { outcome } : {}), ...ending.details },
    }),
    tx.insert(outbox).values({ event: `operation.${state}`, payload: { code, ...(outcome ? { outcome } : {}) } }),
  ]);
}
