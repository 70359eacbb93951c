import { boolean, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { Strength } from "../../contracts/strength.ts";
import { id, timestamptz } from "./devices.ts";

/** Rules for generated passwords; the one named `default` ships. */
export const strengths = pgTable("strengths", {
  id: id(),
  name: text("name").notNull().unique(),
  rules: jsonb("rules").$type<Strength>().notNull(),
  active: boolean("active").notNull().default(true),
  revision: integer("revision").notNull().default(1),
  createdAt: timestamptz("created_at").notNull().defaultNow(),
  updatedAt: timestamptz("updated_at").notNull().defaultNow(),
  /** Persons. */
  createdBy: text("created_by").notNull().default(""),
  updatedBy: text("updated_by").notNull().default(""),
});
