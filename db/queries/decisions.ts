/** Approvals and rejections: counted under the lock of the operation's row, one transaction with what follows. */
import { inArray, sql } from "drizzle-orm";
import type { Transaction } from "../client.ts";
import { approvals, operations } from "../schema/index.ts";
import { type Acted, type ActionRequest, lockFor, type Outcome, refs, refuse, type Refusal } from "./action-lock.ts";
import { readApprovalDigest, readApprovalDigests } from "./approval-facts.ts";
import { askedLevel, samePerson } from "./approval-levels.ts";
import { askAgain } from "./approvals.ts";
import { auditOperations } from "./audit.ts";
import { endOperations } from "./end-operation.ts";
import type { OperationRow } from "./stage-facts.ts";

type Decision = (typeof approvals.$inferSelect)["decision"];

/** An operation that was asked about, with what decides about the decision. */
interface Asked {
  readonly row: OperationRow;
  /** Decisions of the present round. */
  readonly decided: readonly (typeof approvals.$inferSelect)[];
  /** Whether its time is over by the database's clock. */
  readonly over: boolean;
  /** Digest of what would be done now; the row's own when nobody needs to know. */
  readonly present: string;
}

/** What is to be done about a decision. */
type Verdict =
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "expire" }
  | { readonly kind: "ask-again" }
  | { readonly kind: "count"; readonly level: number; readonly last: boolean };

/**
 * Takes one person's decision about each operation. The last approval lets it go on to `scheduled`, a rejection cancels
 * it. One that is too late expires now; one whose device, account or settings are not those that were asked about goes
 * into a new round. Both of these are refusals that must be committed.
 */
export async function decide(tx: Transaction, decision: Decision, request: ActionRequest): Promise<Acted> {
  const { rows, refused } = await lockFor(tx, decision === "approved" ? "approve" : "reject", request.codes);
  const asked = await readAsked(tx, rows, decision);
  const judged = asked.map((one) => ({ ...one, verdict: judge(one, decision, request) }));
  const of = (kind: Verdict["kind"]) => judged.filter(({ verdict }) => verdict.kind === kind);
  for (const { row, present } of of("ask-again")) await askAgain(tx, row, present);
  const counted = judged.flatMap(({ row, verdict }) => (verdict.kind === "count" ? [{ row, ...verdict }] : []));
  const last = counted.filter((one) => one.last).map(({ row }) => row);
  // One batch, in this order.
  await Promise.all([
    expire(tx, of("expire")),
    record(tx, counted, { decision, request }),
    decision === "approved" ? schedule(tx, last, request) : cancel(tx, last, request),
  ]);
  const moved = [...of("expire"), ...of("ask-again")].map(({ row }) => row);
  return {
    outcomes: [...refused, ...judged.map((one) => describe(one, decision))],
    signals: [{ signal: "approvalDecided", refs: refs([...last, ...moved]) }],
  };
}

async function readAsked(tx: Transaction, rows: readonly OperationRow[], decision: Decision): Promise<Asked[]> {
  if (rows.length === 0) return [];
  const codes = rows.map(({ code }) => code);
  const templated = decision === "approved" ? rows.filter(({ templateId }) => templateId !== null) : [];
  const others = decision === "approved" ? rows.filter(({ templateId }) => templateId === null) : [];
  const kinds = Map.groupBy(others, ({ kind }) => kind);
  const [decided, over, ...digests] = await Promise.all([
    tx.select().from(approvals).where(inArray(approvals.operationCode, codes)),
    // Read under the locks: `now()` is the moment before the wait for them.
    tx
      .select({ code: operations.code })
      .from(operations)
      .where(sql`${inArray(operations.code, codes)} and ${operations.approvalExpiresAt} <= clock_timestamp()`),
    ...[...kinds].map(async ([kind, some]) => {
      const found = await readApprovalDigests(
        tx,
        kind,
        some.map(({ credentialId }) => credentialId),
      );
      return some.map(({ code, credentialId }) => [code, found.get(credentialId) ?? ""] as const);
    }),
    ...templated.map(async (row) => [[row.code, await readApprovalDigest(tx, row)] as const]),
  ]);
  const late = new Set(over.map(({ code }) => code));
  const present = new Map(digests.flat());
  const byCode = Map.groupBy(decided, ({ operationCode }) => operationCode);
  return rows.map((row) => ({
    row,
    decided: (byCode.get(row.code) ?? []).filter(({ round }) => round === row.approvalRound),
    over: late.has(row.code),
    present: present.get(row.code) ?? row.approvalDigest ?? "",
  }));
}

/** The order of the rules decides what a person is told. Pure. */
function judge({ row, decided, over, present }: Asked, decision: Decision, { actor, digest }: ActionRequest): Verdict {
  const person = actor.person ?? "";
  if (!row.approval) throw new Error(`operation ${row.code} waits for an approval that nobody asks for`);
  if (over) return { kind: "expire" };
  if (samePerson(row.requestedBy, person)) return { kind: "refuse", refusal: { code: "approval.own-request" } };
  if (decided.some((one) => samePerson(one.person, person)))
    return { kind: "refuse", refusal: { code: "approval.already-decided" } };
  const level = askedLevel(row.approval, decided);
  if (!level) throw new Error(`operation ${row.code} waits for an approval that it has`);
  if (level.approvers.length > 0 && !level.approvers.some((one) => samePerson(one, person)))
    return { kind: "refuse", refusal: { code: "approval.not-approver" } };
  if (digest !== undefined && digest !== row.approvalDigest)
    return { kind: "refuse", refusal: { code: "approval.changed" } };
  if (present !== row.approvalDigest) return { kind: "ask-again" };
  const after = askedLevel(row.approval, [...decided, { person, level: level.number }]);
  return { kind: "count", level: level.number, last: decision === "rejected" || after === undefined };
}

async function expire(tx: Transaction, late: readonly Asked[]): Promise<void> {
  await endOperations(
    tx,
    late.map(({ row }) => row.code),
    { state: "expired", outcome: "approval.expired" },
  );
}

/** Keeps who decided what, in `approvals` and in the audit. */
async function record(
  tx: Transaction,
  counted: readonly { row: OperationRow; level: number }[],
  { decision, request: { actor, comment = "" } }: { decision: Decision; request: ActionRequest },
): Promise<void> {
  if (counted.length === 0) return;
  const person = actor.person ?? "";
  await Promise.all([
    tx
      .insert(approvals)
      .values(
        counted.map(({ row, level }) => {
          return { operationCode: row.code, round: row.approvalRound, person, level, decision, comment };
        }),
      )
      .execute(),
    auditOperations(
      tx,
      actor,
      counted.map(({ row, level }) => {
        const details = { round: row.approvalRound, level, ...(comment === "" ? {} : { comment }) };
        return { code: row.code, action: `operation.${decision}`, details };
      }),
    ),
  ]);
}

/** awaiting-approval → scheduled */
async function schedule(tx: Transaction, rows: readonly OperationRow[], { actor }: ActionRequest): Promise<void> {
  if (rows.length === 0) return;
  const codes = rows.map(({ code }) => code);
  const dueAt = sql`greatest(now(), ${operations.scheduledFor})`;
  await Promise.all([
    tx
      .update(operations)
      .set({
        state: "scheduled",
        dueAt,
        wakeAt: dueAt,
        waitingFor: sql`case when ${operations.scheduledFor} > now() then 'time' else 'queue' end`,
        approvalExpiresAt: null,
        outcome: null,
      })
      .where(inArray(operations.code, codes))
      .execute(),
    auditOperations(
      tx,
      actor,
      codes.map((code) => ({ code, action: "operation.scheduled" })),
    ),
  ]);
}

/** awaiting-approval → canceled */
async function cancel(tx: Transaction, rows: readonly OperationRow[], { actor }: ActionRequest): Promise<void> {
  await endOperations(
    tx,
    rows.map(({ code }) => code),
    { state: "canceled", outcome: "approval.rejected", actor },
  );
}

function describe({ row, verdict }: Asked & { verdict: Verdict }, decision: Decision): Outcome {
  switch (verdict.kind) {
    case "refuse":
      return refuse(row, verdict.refusal);
    case "expire":
      return { code: row.code, state: "expired", refusal: { code: "approval.expired" }, moved: true };
    case "ask-again":
      return { ...refuse(row, { code: "approval.changed" }), moved: true };
    case "count": {
      const done = decision === "approved" ? "scheduled" : "canceled";
      return { code: row.code, state: verdict.last ? done : "awaiting-approval" };
    }
  }
}
