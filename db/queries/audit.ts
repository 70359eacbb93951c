import type { Database, Transaction } from "../client.ts";
import { audit } from "../schema/index.ts";

/** Who did it: Keyturn's worker, or a person through a token. */
export interface Actor {
  readonly actor: string;
  readonly person?: string;
  readonly requestId?: string;
  readonly address?: string;
}

export const WORKER: Actor = { actor: "worker" };

export interface OperationAudit {
  readonly code: number;
  /** `operation.verb`. */
  readonly action: string;
  readonly details?: Record<string, unknown>;
}

/** Writes one audit row about an operation, in the transaction that changes it. */
export async function auditOperation(tx: Database | Transaction, actor: Actor, row: OperationAudit): Promise<void> {
  await auditOperations(tx, actor, [row]);
}

/** Writes audit rows about several operations. */
export async function auditOperations(
  tx: Database | Transaction,
  actor: Actor,
  rows: readonly OperationAudit[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.insert(audit).values(
    rows.map(({ code, action, details = {} }) => ({
      ...actor,
      action,
      objectType: "operation" as const,
      objectId: String(code),
      operationCode: code,
      details,
    })),
  );
}

export interface AuditRow {
  /** `noun.verb`, for instance `credential.revealed`. */
  readonly action: string;
  readonly objectType:
    | "device"
    | "credential"
    | "token"
    | "settings"
    | "policy"
    | "strength"
    | "site"
    | "versions"
    | "template"
    | "import";
  readonly objectId: string;
  readonly details?: Record<string, unknown>;
}

/** Writes one audit row about anything but an operation, in the transaction that changes it. */
export async function auditObject(tx: Database | Transaction, actor: Actor, row: AuditRow): Promise<void> {
  await tx.insert(audit).values({ ...actor, ...row, details: row.details ?? {} });
}

/** Rows of one statement; PostgreSQL takes 65,535 parameters. */
const MOST = 1000;

/** Writes audit rows about many things but operations, in the transaction that changes them. */
export async function auditObjects(tx: Transaction, actor: Actor, rows: readonly AuditRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += MOST)
    await tx
      .insert(audit)
      .values(rows.slice(at, at + MOST).map((row) => ({ ...actor, ...row, details: row.details ?? {} })));
}
