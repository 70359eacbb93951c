import { sql } from "drizzle-orm";
import { boolean, integer, jsonb, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { ApprovalRule, Criteria, Limits, Windows } from "../../contracts/policy.ts";
import { id, timestamptz } from "./devices.ts";
import { strengths } from "./strengths.ts";

/** Which credentials change when, with which strength, limits and approvals. The highest priority that matches wins. */
export const policies = pgTable(
  "policies",
  {
    id: id(),
    name: text("name").notNull(),
    active: boolean("active").notNull().default(true),
    priority: integer("priority").notNull().default(1),
    strengthId: uuid("strength_id").references(() => strengths.id),
    criteria: jsonb("criteria").$type<Criteria>().notNull().default({}),
    /** Minutes after which a password is changed: since its change, since it was seen, since a session used it. */
    maxAgeMinutes: integer("max_age_minutes"),
    afterViewMinutes: integer("after_view_minutes"),
    afterSessionMinutes: integer("after_session_minutes"),
    /** For so many minutes after its first use a password may be used again before its use makes it change. */
    reuseMinutes: integer("reuse_minutes").notNull().default(0),
    /** Due times are spread backwards over so many minutes. */
    jitterMinutes: integer("jitter_minutes").notNull().default(0),
    firstChange: text("first_change").$type<"manual" | "automatic">().notNull().default("manual"),
    windows: jsonb("windows").$type<Windows>().notNull().default({ timeZone: "UTC" }),
    limits: jsonb("limits").$type<Limits>().notNull().default({}),
    approval: jsonb("approval").$type<ApprovalRule>(),
    revision: integer("revision").notNull().default(1),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
    updatedAt: timestamptz("updated_at").notNull().defaultNow(),
    /** Persons. */
    createdBy: text("created_by").notNull().default(""),
    updatedBy: text("updated_by").notNull().default(""),
  },
  (table) => [uniqueIndex("policies_name").on(sql`lower(${table.name})`)],
);

/**
 * How a policy fares. Apart from the policy, because a failed change writes here while it holds its credential, and an
 * edit of the policy holds the policy while it writes its credentials.
 */
export const policyStates = pgTable("policy_states", {
  policyId: uuid("policy_id")
    .primaryKey()
    .references(() => policies.id),
  /** Automatic changes do not start while it is paused. */
  paused: boolean("paused").notNull().default(false),
  pausedReason: text("paused_reason").notNull().default(""),
  pausedAt: timestamptz("paused_at"),
  /** Equal errors in a row; ten pause the policy. */
  errorCode: text("error_code").$type<ErrorCode>(),
  errorsInARow: integer("errors_in_a_row").notNull().default(0),
});

/** What is set for a network zone. A zone without a row has the defaults. */
export const sites = pgTable("sites", {
  name: text("name").primaryKey(),
  /** Automatic changes do not start while it is paused. */
  paused: boolean("paused").notNull().default(false),
  pausedReason: text("paused_reason").notNull().default(""),
  pausedAt: timestamptz("paused_at"),
});
