/** What every action on operations begins with: their rows locked, and those refused whose state does not accept it. */
import { asc, inArray } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef, SIGNALS } from "../../contracts/messages.ts";
import { ApiProblem, type ProblemExtras } from "../../contracts/problem.ts";
import { mayAct, type OperationAction, type OperationState } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { operations } from "../schema/index.ts";
import type { Actor } from "./audit.ts";
import type { PluginRules } from "./eligibility.ts";
import type { OperationRow } from "./stage-facts.ts";

export interface ActionRequest {
  readonly codes: readonly number[];
  readonly actor: Actor;
  readonly plugins: readonly PluginRules[];
  /** Of a restart: when it is due; at once when absent. */
  readonly scheduledFor?: Date | undefined;
  /** Of a decision. */
  readonly comment?: string | undefined;
  /** Of a decision: what the person looked at. */
  readonly digest?: string | undefined;
}

/** Why an action was refused. */
export interface Refusal {
  readonly code: ErrorCode;
  /** The catalogue's advice when absent. */
  readonly detail?: string;
  readonly extras?: ProblemExtras;
}

/** What became of one of the operations. */
export interface Outcome {
  readonly code: number;
  /** Its state now; null when there is no such operation. */
  readonly state: OperationState | null;
  readonly refusal?: Refusal;
  /** Whether the refusal itself changed the row: it must be committed. */
  readonly moved?: boolean;
}

export interface Acted {
  readonly outcomes: Outcome[];
  /** Whom to tell after the commit. */
  readonly signals: readonly { readonly signal: keyof typeof SIGNALS; readonly refs: readonly OperationRef[] }[];
}

/** Answers an action on one operation. @throws ApiProblem when it was refused */
export function throwRefusal({ refusal, state }: Outcome): void {
  if (!refusal) return;
  throw new ApiProblem(refusal.code, refusal.detail, { ...(state ? { state } : {}), ...refusal.extras });
}

/**
 * Locks the rows in the order of their codes. Whoever holds a row decides: a change that was staged a moment before
 * makes an action a refusal, and the other way round.
 * @returns the rows that accept the action, and the outcomes of the others
 */
export async function lockFor(
  tx: Transaction,
  action: OperationAction,
  codes: readonly number[],
): Promise<{ rows: OperationRow[]; refused: Outcome[] }> {
  const found = await tx
    .select()
    .from(operations)
    .where(inArray(operations.code, [...codes]))
    .orderBy(asc(operations.code))
    .for("update");
  const known = new Set(found.map(({ code }) => code));
  const missing: Outcome[] = codes
    .filter((code) => !known.has(code))
    .map((code) => ({ code, state: null, refusal: { code: "operation.not-found" } }));
  const rows = found.filter(({ state }) => mayAct(action, state));
  const elsewhere = found
    .filter(({ state }) => !mayAct(action, state))
    .map((row) =>
      refuse(row, {
        code: "operation.state",
        detail: `The operation is ${row.state}; ${action} is not accepted then.`,
      }),
    );
  return { rows, refused: [...missing, ...elsewhere] };
}

/** What a signal is sent to. */
export function refs(rows: readonly OperationRef[]): OperationRef[] {
  return rows.map(({ code, run }) => ({ code, run }));
}

/** The row stays as it is. */
export function refuse({ code, state }: Pick<OperationRow, "code" | "state">, refusal: Refusal): Outcome {
  return { code, state, refusal };
}
