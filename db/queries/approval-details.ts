import { asc, eq } from "drizzle-orm";
import type { ApprovalDetails, Operation } from "../../contracts/operations.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { approvals } from "../schema/index.ts";
import { askedLevel } from "./approval-levels.ts";

/** Who decided what about an operation, in the order it was decided, and whose turn it is. */
export async function readApprovalDetails(
  db: Database | Transaction,
  { code, state, approval }: Pick<Operation, "code" | "state" | "approval">,
): Promise<ApprovalDetails | null> {
  if (!approval) return null;
  const rows = await db
    .select()
    .from(approvals)
    .where(eq(approvals.operationCode, code))
    .orderBy(asc(approvals.round), asc(approvals.at), asc(approvals.person));
  const present = rows.filter(({ round }) => round === approval.round);
  return {
    ...approval,
    askedLevel: state === "awaiting-approval" ? (askedLevel(approval.rule, present)?.number ?? null) : null,
    decisions: rows.map(({ operationCode: _code, at, ...row }) => ({ ...row, at: at.toISOString() })),
  };
}
