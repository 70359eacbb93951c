import { isDeepStrictEqual } from "node:util";
import { and, asc, eq, gt, ilike, sql } from "drizzle-orm";
import type { Policy, PolicyInput, PolicyPatch, PolicyQuery } from "../../contracts/policies.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { credentials, policies, policyStates } from "../schema/index.ts";
import { contains, type Page, readCursor, toPage } from "./cursor.ts";
import { lockPolicies, resolvePolicy } from "./resolve-policies.ts";
import { refuseInactive } from "./strengths.ts";

function selectPolicies(db: Database | Transaction) {
  return db
    .select({
      policy: policies,
      state: policyStates,
      credentials: sql<number>`(select count(*)::int from ${credentials} where ${credentials.policyId} = ${policies.id})`,
    })
    .from(policies)
    .leftJoin(policyStates, eq(policyStates.policyId, policies.id));
}

type Row = Awaited<ReturnType<typeof selectPolicies>>[number];

/** What is stored was parsed as what is answered. */
function toPolicy({ policy, state, credentials: held }: Row): Policy {
  return {
    ...(policy as Omit<typeof policy, "criteria" | "windows" | "approval"> &
      Pick<Policy, "criteria" | "windows" | "approval">),
    paused: state?.paused ?? false,
    pausedReason: state?.pausedReason ?? "",
    pausedAt: state?.pausedAt?.toISOString() ?? null,
    errorCode: state?.errorCode ?? null,
    errorsInARow: state?.errorsInARow ?? 0,
    credentials: held,
    createdAt: policy.createdAt.toISOString(),
    updatedAt: policy.updatedAt.toISOString(),
  };
}

/** @throws ApiProblem `policy.not-found` */
export async function readPolicy(db: Database | Transaction, id: string): Promise<Policy> {
  const [row] = await selectPolicies(db).where(eq(policies.id, id));
  if (!row) throw new ApiProblem("policy.not-found");
  return toPolicy(row);
}

/** Oldest first. */
export async function listPolicies(db: Database, query: PolicyQuery): Promise<Page<Policy>> {
  const after = readCursor(query)?.[0];
  const rows = await selectPolicies(db)
    .where(
      and(
        query.name === undefined ? undefined : ilike(policies.name, contains(query.name)),
        query.active === undefined ? undefined : eq(policies.active, query.active),
        query.paused === undefined ? undefined : sql`coalesce(${policyStates.paused}, false) = ${query.paused}`,
        after === undefined ? undefined : gt(policies.id, after),
      ),
    )
    .orderBy(asc(policies.id))
    .limit(query.limit + 1);
  return toPage(rows.map(toPolicy), query, ({ id }) => [id]);
}

/**
 * Stores a policy and gives it the credentials that fit it.
 * @param person who makes it
 * @throws ApiProblem `policy.name-taken`, `strength.not-found`, `request.invalid`
 */
export async function createPolicy(tx: Transaction, input: PolicyInput, person: string): Promise<string> {
  await lockPolicies(tx);
  const id = newId();
  await refuse(tx, id, input);
  await refuseInactive(tx, input.strengthId);
  await tx.insert(policies).values({ ...input, id, createdBy: person, updatedBy: person });
  await tx.insert(policyStates).values({ policyId: id });
  await resolvePolicy(tx, id);
  return id;
}

/**
 * Edits a policy; credentials that fit it no more, or only now, change their policy, and all that have it their times.
 * @throws ApiProblem `policy.not-found`, `request.stale`, `policy.name-taken`, `strength.not-found`, `request.invalid`
 */
export async function editPolicy(
  tx: Transaction,
  edit: { id: string; revision: number; patch: PolicyPatch; person: string },
): Promise<void> {
  const { id, patch } = edit;
  await lockPolicies(tx);
  const [before] = await tx.select().from(policies).where(eq(policies.id, id));
  if (!before) throw new ApiProblem("policy.not-found");
  if (before.revision !== edit.revision) throw new ApiProblem("request.stale");
  await refuse(tx, id, { ...before, ...patch });
  if (patch.strengthId !== before.strengthId) await refuseInactive(tx, patch.strengthId);
  await tx
    .update(policies)
    .set({ ...patch, revision: before.revision + 1, updatedAt: sql`now()`, updatedBy: edit.person })
    .where(eq(policies.id, id));
  if (OF_CREDENTIALS.some((field) => field in patch && !isDeepStrictEqual(patch[field], before[field])))
    await resolvePolicy(tx, id);
}

/**
 * What says whose policy it is, and when it changes them next. All credentials that have it are written when one of
 * these is edited, 100,000 in seconds in which they are locked; anything else is read when it is needed.
 */
const OF_CREDENTIALS = [
  "active",
  "priority",
  "criteria",
  "firstChange",
  "maxAgeMinutes",
  "afterViewMinutes",
  "afterSessionMinutes",
  "reuseMinutes",
  "jitterMinutes",
] as const satisfies readonly (keyof PolicyPatch)[];

/** What the fields of a policy must keep to together, and with others. */
async function refuse(
  tx: Transaction,
  id: string,
  policy: Pick<PolicyPatch, "name" | "maxAgeMinutes" | "jitterMinutes">,
): Promise<void> {
  const { name = "", maxAgeMinutes, jitterMinutes = 0 } = policy;
  if (jitterMinutes > 0 && jitterMinutes >= (maxAgeMinutes ?? Infinity)) {
    const rule = "must be less than maxAgeMinutes";
    throw new ApiProblem("request.invalid", `jitterMinutes: ${rule}.`, {
      errors: [{ field: "jitterMinutes", rule, got: "number" }],
    });
  }
  // The lock on policies keeps another of this name from coming up meanwhile.
  const [taken] = await tx
    .select({ id: policies.id })
    .from(policies)
    .where(and(eq(sql`lower(${policies.name})`, sql`lower(${name})`), sql`${policies.id} <> ${id}`));
  if (taken) throw new ApiProblem("policy.name-taken");
}
