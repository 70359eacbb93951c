import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { ApprovalRule } from "../../contracts/policy.ts";
import type {
  OperationKind,
  OperationState,
  Phase,
  Priority,
  Step,
  Trigger,
  WaitingFor,
} from "../../contracts/states.ts";
import { credentials, secretVersions } from "./credentials.ts";
import { devices, id, timestamptz } from "./devices.ts";
import { policies } from "./policies.ts";
import { templates } from "./templates.ts";

/** The target as it was when an operation was requested. Shared by operations whose target looked the same. */
export const targetSnapshots = pgTable("target_snapshots", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  /** SHA-256 over the other columns: the same target is stored once. */
  digest: text("digest").notNull().unique(),
  username: text("username").notNull(),
  domain: text("domain").notNull(),
  device: text("device").notNull(),
  address: text("address").notNull(),
  manufacturer: text("manufacturer").notNull(),
  model: text("model").notNull(),
  site: text("site").notNull(),
  url: text("url").notNull(),
  tags: text("tags").array().notNull(),
  /** What a quick search looks into: no text of a field holds a line's end, so nothing is found across two. */
  search: text("search")
    .notNull()
    .generatedAlwaysAs(
      sql`username || E'\n' || device || E'\n' || address || E'\n' || manufacturer || E'\n' || model || E'\n' || site || E'\n' || url`,
    ),
});

/** One requested piece of work. */
export const operations = pgTable(
  "operations",
  {
    /** The identifier people see. */
    code: bigserial("code", { mode: "number" }).primaryKey(),
    kind: text("kind").$type<OperationKind>().notNull(),
    state: text("state").$type<OperationState>().notNull(),
    phase: text("phase").$type<Phase>(),
    run: integer("run").notNull().default(1),
    /** The run a workflow was started for; smaller than `run`: none yet. */
    startedRun: integer("started_run").notNull().default(0),
    credentialId: uuid("credential_id")
      .notNull()
      .references(() => credentials.id),
    /**
     * The credential while the operation is open, else null: one open change per credential. Null, too, where it holds no
     * place: work without a credential of its own, and a removal that waits beside its creation.
     */
    openCredentialId: uuid("open_credential_id"),
    deviceId: uuid("device_id")
      .notNull()
      .references(() => devices.id),
    /** Other credential that logs in, as resolved at stage; wakes rows that wait for it. */
    authenticatorId: uuid("authenticator_id"),
    targetId: bigint("target_id", { mode: "number" })
      .notNull()
      .references(() => targetSnapshots.id),
    site: text("site").notNull(),
    /** Kinds other than a password change: the template it runs, and the values of the template's parameters. */
    templateId: uuid("template_id").references(() => templates.id),
    parameters: jsonb("parameters").$type<Record<string, string>>().notNull().default({}),
    /**
     * Set where the work is about no stored credential: the account that logs in. `credentialId` is the same then, for
     * every operation names one, and holds no open place; the device is the request's own.
     */
    loginCredentialId: uuid("login_credential_id").references(() => credentials.id),
    /** Of a user's creation: its template sends a new password, which becomes the credential's. */
    givesPassword: boolean("gives_password").notNull().default(false),
    /** The policy it was requested under: its limits, windows, approval and pause hold. */
    policyId: uuid("policy_id").references(() => policies.id),
    /** The operation whose success made this one. */
    parentCode: bigint("parent_code", { mode: "number" }),
    /** Succeeded, and its credential's children are still to be given their operations. */
    childrenPending: boolean("children_pending").notNull().default(false),
    /** Who must agree; null: nobody. */
    approval: jsonb("approval").$type<ApprovalRule>(),
    /** Counts up whenever what was to be approved changed: earlier decisions do not hold any more. */
    approvalRound: integer("approval_round").notNull().default(1),
    /** SHA-256 over what an approval binds; see `approvalDigest`. */
    approvalDigest: text("approval_digest"),
    approvalExpiresAt: timestamptz("approval_expires_at"),
    trigger: text("trigger").$type<Trigger>().notNull(),
    requestedBy: text("requested_by").notNull(),
    reason: text("reason").notNull().default(""),
    priority: smallint("priority").$type<Priority>().notNull().default(2),
    /** Attempts of this run, and of all runs. */
    runAttempts: integer("run_attempts").notNull().default(0),
    attempts: integer("attempts").notNull().default(0),
    /** New candidates made in this run because the device refused one. */
    refusals: integer("refusals").notNull().default(0),
    /** Looks taken at the present attempt's password in doubt. */
    probes: integer("probes").notNull().default(0),
    scheduledFor: timestamptz("scheduled_for").notNull().defaultNow(),
    /** The next moment at which an attempt may start. */
    dueAt: timestamptz("due_at").notNull().defaultNow(),
    waitingFor: text("waiting_for").$type<WaitingFor>(),
    /** A device permit handed to this parked row; it is taken up at stage. */
    permitGrantedAt: timestamptz("permit_granted_at"),
    /** The next moment at which the row must have moved; the repair sweep looks behind it. Null when ended. */
    wakeAt: timestamptz("wake_at"),
    outcome: text("outcome").$type<ErrorCode>(),
    requestedAt: timestamptz("requested_at").notNull().defaultNow(),
    /** Start of the latest attempt. */
    executedAt: timestamptz("executed_at"),
    endedAt: timestamptz("ended_at"),
  },
  (table) => [
    uniqueIndex("operations_one_open")
      .on(table.openCredentialId)
      .where(sql`${table.openCredentialId} is not null`),
    index("operations_startable")
      .on(table.priority, table.code)
      .where(sql`${table.startedRun} < ${table.run} and ${table.wakeAt} is not null`),
    index("operations_wake")
      .on(table.wakeAt)
      .where(sql`${table.wakeAt} is not null`),
    index("operations_parked")
      .on(table.deviceId, table.priority, table.code)
      .where(sql`${table.waitingFor} = 'device'`),
    index("operations_dependents")
      .on(table.authenticatorId)
      .where(sql`${table.waitingFor} in ('authenticator', 'login-budget')`),
    index("operations_credential").on(table.credentialId, table.code),
    // More of the list's are in the migrations operations_list_covered: they include columns, which only SQL can say.
    index("operations_device").on(table.deviceId, table.code),
    uniqueIndex("operations_parent")
      .on(table.parentCode, table.credentialId)
      .where(sql`${table.parentCode} is not null`),
    index("operations_children_pending")
      .on(table.endedAt)
      .where(sql`${table.childrenPending}`),
    index("operations_succeeded")
      .on(table.endedAt)
      .where(sql`${table.state} = 'succeeded' and ${table.kind} <> 'verify-password'`),
    index("operations_paused")
      .on(table.policyId)
      .where(sql`${table.waitingFor} in ('pause', 'window')`),
  ],
);

export interface StepRecord {
  readonly step: Step;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly ms: number;
  readonly code?: ErrorCode;
}

/** One execution of an operation. */
export const attempts = pgTable(
  "attempts",
  {
    operationCode: bigint("operation_code", { mode: "number" })
      .notNull()
      .references(() => operations.code),
    number: integer("number").notNull(),
    run: integer("run").notNull(),
    /** Whose word counts: every claim on the attempt compares it, and a probe raises it. */
    epoch: bigint("epoch", { mode: "number" }).notNull(),
    credentialId: uuid("credential_id").notNull(),
    deviceId: uuid("device_id").notNull(),
    secretVersionId: uuid("secret_version_id").references(() => secretVersions.id),
    plugin: text("plugin").notNull(),
    templateId: uuid("template_id"),
    templateVersion: integer("template_version"),
    /** The device as it was: an edit meanwhile does not move a change in doubt elsewhere. */
    deviceRevision: integer("device_revision").notNull().default(1),
    authenticatorId: uuid("authenticator_id").notNull(),
    worker: text("worker").notNull(),
    startedAt: timestamptz("started_at").notNull().defaultNow(),
    /** Whether it holds one of the device's permits; a probe gives it back. */
    permit: boolean("permit").notNull().default(true),
    /** The point of no return: from here the candidate may be live. */
    sentAt: timestamptz("sent_at"),
    /** Until when something sent under this attempt may still leave the worker. */
    leaseUntil: timestamptz("lease_until"),
    endedAt: timestamptz("ended_at"),
    outcome: text("outcome").$type<ErrorCode | "change.succeeded">(),
    /** What the device said, secrets masked. */
    detail: text("detail").notNull().default(""),
    transcript: text("transcript").notNull().default(""),
    steps: jsonb("steps").$type<StepRecord[]>().notNull().default([]),
  },
  (table) => [
    primaryKey({ columns: [table.operationCode, table.number] }),
    index("attempts_live_device")
      .on(table.deviceId)
      .where(sql`${table.permit}`),
    index("attempts_version").on(table.secretVersionId),
    index("attempts_started").on(table.startedAt),
    index("attempts_failed")
      .on(table.outcome, table.startedAt)
      .where(sql`${table.outcome} <> 'change.succeeded'`),
  ],
);

/** What approvers decided, once each and round. */
export const approvals = pgTable(
  "approvals",
  {
    operationCode: bigint("operation_code", { mode: "number" })
      .notNull()
      .references(() => operations.code),
    round: integer("round").notNull(),
    person: text("person").notNull(),
    /** Place in the rule's levels, from 0. */
    level: integer("level").notNull(),
    decision: text("decision").$type<"approved" | "rejected">().notNull(),
    comment: text("comment").notNull().default(""),
    at: timestamptz("at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.operationCode, table.round, table.person] })],
);

/** Log-ins that failed or are under way, per account that logs in. A crash leaves one behind: it counts as failed. */
export const loginReservations = pgTable(
  "login_reservations",
  {
    id: id(),
    /** The account on its device or domain. */
    account: text("account").notNull(),
    reservedAt: timestamptz("reserved_at").notNull().defaultNow(),
    failed: timestamptz("failed_at"),
  },
  (table) => [index("login_reservations_account").on(table.account, table.reservedAt)],
);
