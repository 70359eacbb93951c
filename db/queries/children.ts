/** What a chain does to the children of a credential that was changed: each gets an operation, or its open one is used. */
import { eq, sql } from "drizzle-orm";
import type { ChainPlace, OperationRef } from "../../contracts/messages.ts";
import type { OperationKind, OperationState } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { operations } from "../schema/index.ts";
import { endOperations } from "./end-operation.ts";
import { openOperations } from "./open-operations.ts";
import { retarget } from "./retarget.ts";
import type { OperationRow } from "./stage-facts.ts";
import { type Startable, STARTABLE } from "./starter.ts";

export interface ChainRows {
  readonly operations: readonly Startable[];
  readonly next?: string;
  readonly busy: boolean;
  /** Runs whose operation was made into a child's. */
  readonly wake: readonly OperationRef[];
}

/** A child that has not followed yet, or whose operation may not have been started. */
interface Child {
  readonly credential: string;
  readonly attention: string | null;
  /** Its operation of this chain. */
  readonly own: string | null;
  /** Whatever operation holds its open place. */
  readonly open: string | null;
  readonly state: OperationState | null;
  readonly kind: OperationKind | null;
}

/** Kinds that become the child's change while they wait: another kind's work is not done by that one. */
const RETARGETABLE: ReadonlySet<OperationKind | null> = new Set(["change-password", "child-password-change"]);

/**
 * Opens the operations of one page of children, in id order. Repeating it makes none twice, and gives those again that
 * may not have been started.
 * @param place.limit children of a page
 */
export async function openPage(db: Database, place: ChainPlace & { readonly limit: number }): Promise<ChainRows> {
  return db.transaction(async (tx) => {
    // The lock lets two workers that both carry out this page do so one after the other.
    const [parent] = await tx.select().from(operations).where(eq(operations.code, place.code)).for("update");
    if (!parent?.childrenPending || (await isSuperseded(tx, parent))) return { operations: [], busy: false, wake: [] };
    const children = await readFollowing(tx, parent, place);
    const had = children.flatMap(({ own }) => (own === null ? [] : [Number(own)]));
    const waiting = children.filter(waitsForItsTurn).map(({ open }) => Number(open));
    const retargeted = await retarget(tx, parent, waiting);
    const opened = await open(
      tx,
      parent,
      children.filter((child) => child.own === null && child.open === null),
    );
    const codes = [...had, ...retargeted.map(({ code }) => code), ...opened];
    const last = children.length === place.limit ? children.at(-1) : undefined;
    return {
      operations: await readStartable(tx, codes),
      busy: codes.length < children.length,
      wake: retargeted,
      ...(last ? { next: last.credential } : {}),
    };
  });
}

/** A change that has not begun is made into the child's; one that first resolves a doubt is left alone. */
function waitsForItsTurn({ own, open, state, kind, attention }: Child): boolean {
  return own === null && open !== null && state !== "running" && RETARGETABLE.has(kind) && attention === null;
}

/**
 * Whether another operation has changed the parent since: that one's chain sees to all children. The attempt that
 * proved a version says whose change it was, for an operation may find what another had left in doubt; and numbers of
 * versions follow the order of the changes whatever the clock does.
 */
async function isSuperseded(tx: Transaction, { code, credentialId }: OperationRow): Promise<boolean> {
  const [later] = await tx.execute(sql`
    with proven as (
      select v.version, a.operation_code as code from secret_versions v join attempts a on a.secret_version_id = v.id
      where v.credential_id = ${credentialId} and a.outcome = 'change.succeeded')
    select 1 from proven where version > (select max(version) from proven where code = ${code}) limit 1`);
  return later !== undefined;
}

/** Children that take the parent's value and do not have it, or take one of their own and have not yet. */
async function readFollowing(
  tx: Transaction,
  { code, credentialId }: OperationRow,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<readonly Child[]> {
  const current = sql`select id from secret_versions where status = 'current' and credential_id`;
  return tx.execute<{ [K in keyof Child]: Child[K] }>(sql`
    select c.id as credential, c.attention, own.code as own, open.code as open, open.state, open.kind
    from credentials c
    left join operations own on own.parent_code = ${code} and own.credential_id = c.id
    left join operations open on open.open_credential_id = c.id
    left join secret_versions had on had.credential_id = c.id and had.status = 'current'
    where c.parent_credential_id = ${credentialId} and c.active and c.id <> ${credentialId}
      and (${after ?? null}::uuid is null or c.id > ${after ?? null}::uuid)
      and case when own.code is not null then own.state = 'scheduled' and own.run = 1 and own.attempts = 0
        else c.child_value = 'own' or had.parent_version_id is distinct from (${current} = ${credentialId}) end
    order by c.id limit ${limit}`);
}

/** New operations; one that cannot be carried out until a person has decided ends at once, to be restarted then. */
async function open(tx: Transaction, parent: OperationRow, children: readonly Child[]): Promise<number[]> {
  const attention = new Set(children.filter((child) => child.attention !== null).map(({ credential }) => credential));
  const opened = await openOperations(tx, {
    kind: "child-password-change",
    priority: 2,
    reason: parent.reason,
    actor: { actor: "worker", person: parent.requestedBy },
    parentCode: parent.code,
    items: children.map(({ credential }) => ({ credentialId: credential, trigger: "parent" })),
  });
  const doubtful = opened.filter(({ credentialId }) => attention.has(credentialId)).map(({ code }) => code);
  await endOperations(tx, doubtful, { state: "error", outcome: "credential.attention" });
  return opened.map(({ code }) => code);
}

/** Those of the operations whose first run waits to be started. */
async function readStartable(tx: Transaction, codes: readonly number[]): Promise<Startable[]> {
  if (codes.length === 0) return [];
  return tx
    .select(STARTABLE)
    .from(operations)
    .where(
      sql`${operations.code} = any(${`{${codes.join(",")}}`}::bigint[]) and ${operations.state} = 'scheduled'
        and ${operations.run} = 1`,
    )
    .orderBy(operations.credentialId);
}

/** The chain is over: every child has its operation. */
export async function clearChildrenPending(db: Database, code: number): Promise<void> {
  await db.update(operations).set({ childrenPending: false }).where(eq(operations.code, code));
}
