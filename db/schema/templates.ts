import { sql } from "drizzle-orm";
import { boolean, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationKind } from "../../contracts/states.ts";
import { id, timestamptz } from "./devices.ts";

/** What an analyst wrote for a plugin and a kind of operation. Its text is in its versions. */
export const templates = pgTable(
  "templates",
  {
    id: id(),
    name: text("name").notNull(),
    plugin: text("plugin").notNull(),
    kind: text("kind").$type<OperationKind>().notNull(),
    /** Whether it may be chosen and run. */
    active: boolean("active").notNull().default(true),
    /** The version that runs; null until one was approved. */
    activeVersion: integer("active_version"),
    /** Whether it came with Keyturn: a newer Keyturn may bring a newer version. */
    shipped: boolean("shipped").notNull().default(false),
    revision: integer("revision").notNull().default(1),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
    updatedAt: timestamptz("updated_at").notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("templates_name_active")
      .on(table.plugin, table.kind, sql`lower(${table.name})`)
      .where(sql`${table.active}`),
  ],
);

/** Every text a template had. None is ever edited. */
export const templateVersions = pgTable(
  "template_versions",
  {
    templateId: uuid("template_id")
      .notNull()
      .references(() => templates.id),
    /** Counts up within the template. */
    version: integer("version").notNull(),
    body: text("body").notNull(),
    /** Persons. */
    author: text("author").notNull(),
    at: timestamptz("at").notNull().defaultNow(),
    /** Who let it run, where the setting asks for a second person; null: nobody had to, or did not yet. */
    decidedBy: text("decided_by"),
    decision: text("decision").$type<"approved" | "rejected">(),
    decidedAt: timestamptz("decided_at"),
    comment: text("comment").notNull().default(""),
  },
  (table) => [primaryKey({ columns: [table.templateId, table.version] })],
);

/** What a rehearsal of a credential's template saw. Kept for a day: a person waits for it. */
export const rehearsals = pgTable("rehearsals", {
  id: id(),
  credentialId: uuid("credential_id").notNull(),
  templateId: uuid("template_id").notNull(),
  version: integer("version").notNull(),
  at: timestamptz("at").notNull().defaultNow(),
  code: text("code").$type<ErrorCode | "rehearsed">().notNull(),
  /** The line that carries the first password. */
  stoppedBefore: integer("stopped_before"),
  /** Secrets masked. */
  transcript: text("transcript").notNull(),
});
