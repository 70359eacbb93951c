import { asc, eq, sql } from "drizzle-orm";
import type { StrengthInput, StrengthPatch } from "../../contracts/strengths.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { violatedConstraint } from "../postgres-error.ts";
import { strengths } from "../schema/index.ts";

export type StrengthRow = typeof strengths.$inferSelect;

/** All strengths, by name. */
export async function listStrengths(db: Database): Promise<StrengthRow[]> {
  return db.select().from(strengths).orderBy(asc(strengths.name));
}

/** @throws ApiProblem `strength.not-found` */
export async function readStrength(db: Database | Transaction, id: string): Promise<StrengthRow> {
  const [row] = await db.select().from(strengths).where(eq(strengths.id, id));
  if (!row) throw new ApiProblem("strength.not-found");
  return row;
}

/** @throws ApiProblem `strength.name-taken` */
export async function createStrength(tx: Transaction, input: StrengthInput, person: string): Promise<StrengthRow> {
  const values = { ...input, id: newId(), createdBy: person, updatedBy: person };
  return stored(() => tx.insert(strengths).values(values).returning());
}

/**
 * Edits a strength; it applies from the next password that is made. The one named `default` keeps its name, by which
 * it is found.
 * @throws ApiProblem `strength.not-found`, `request.stale`, `strength.name-taken`, `request.invalid`
 */
export async function editStrength(
  tx: Transaction,
  edit: { id: string; revision: number; patch: StrengthPatch; person: string },
): Promise<StrengthRow> {
  const [before] = await tx.select().from(strengths).where(eq(strengths.id, edit.id)).for("no key update");
  if (!before) throw new ApiProblem("strength.not-found");
  if (before.revision !== edit.revision) throw new ApiProblem("request.stale");
  const { patch } = edit;
  if (before.name === "default" && (patch.active === false || (patch.name ?? "default") !== "default"))
    throw new ApiProblem("request.invalid", "The strength named default keeps its name and stays active.");
  const set = { ...patch, revision: before.revision + 1, updatedAt: sql`now()`, updatedBy: edit.person };
  return stored(() => tx.update(strengths).set(set).where(eq(strengths.id, edit.id)).returning());
}

/**
 * Refuses to choose a strength that is switched off.
 * @throws ApiProblem `strength.not-found`, `request.invalid`
 */
export async function refuseInactive(tx: Transaction, id: string | null | undefined): Promise<void> {
  if (id === null || id === undefined) return;
  const { active } = await readStrength(tx, id);
  if (active) return;
  const errors = [{ field: "strengthId", rule: "must name an active strength", got: "an inactive one" }];
  throw new ApiProblem("request.invalid", "strengthId: must name an active strength.", { errors });
}

async function stored(write: () => PromiseLike<StrengthRow[]>): Promise<StrengthRow> {
  try {
    const [row] = await write();
    if (!row) throw new Error("the strength was not stored");
    return row;
  } catch (error) {
    if (violatedConstraint(error) === "strengths_name_unique") throw new ApiProblem("strength.name-taken");
    throw error;
  }
}
