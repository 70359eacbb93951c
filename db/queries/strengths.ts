import { asc } from "drizzle-orm";
import type { Database } from "../client.ts";
import { strengths } from "../schema/index.ts";

/** All strengths, by name. */
export async function listStrengths(db: Database) {
  return db
    .select({ id: strengths.id, name: strengths.name, rules: strengths.rules })
    .from(strengths)
    .orderBy(asc(strengths.name));
}
