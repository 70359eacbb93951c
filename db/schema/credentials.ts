import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  customType,
  index,
  integer,
  pgTable,
  real,
  text,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Verdict } from "../../contracts/messages.ts";
import type { SecretStatus, Trigger } from "../../contracts/states.ts";
import { devices, id, timestamptz } from "./devices.ts";
import { policies } from "./policies.ts";
import { strengths } from "./strengths.ts";
import { templates } from "./templates.ts";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

/** One account on one device, with its execution settings. */
export const credentials = pgTable(
  "credentials",
  {
    id: id(),
    deviceId: uuid("device_id")
      .notNull()
      .references(() => devices.id),
    plugin: text("plugin").notNull(),
    username: text("username").notNull(),
    domain: text("domain").notNull().default(""),
    additionalInfo: text("additional_info").notNull().default(""),
    /** Credential type of the original: Local user, Domain user, Local administrator, ... */
    type: text("type").notNull().default("Local user"),
    tags: text("tags")
      .array()
      .notNull()
      .default(sql`'{}'`),
    notes: text("notes").notNull().default(""),
    active: boolean("active").notNull().default(true),
    automaticChange: boolean("automatic_change").notNull().default(false),
    templateId: uuid("template_id").references(() => templates.id),
    /** The seed of its one-time passwords, sealed: what a template's `[#TOTP_TOKEN#]` is made from. */
    totpSealed: bytea("totp_sealed"),
    useOwnCredential: boolean("use_own_credential").notNull().default(true),
    authenticationCredentialId: uuid("authentication_credential_id").references((): AnyPgColumn => credentials.id),
    parentCredentialId: uuid("parent_credential_id").references((): AnyPgColumn => credentials.id),
    /** Whether it takes its parent's value, or one of its own, when the parent changed. */
    childValue: text("child_value").$type<"parent" | "own">().notNull().default("parent"),
    /** A second way to set the password, for when no stored one logs in. */
    reconciliationEnabled: boolean("reconciliation_enabled").notNull().default(false),
    reconciliationAutorun: boolean("reconciliation_autorun").notNull().default(false),
    reconciliationCredentialId: uuid("reconciliation_credential_id").references((): AnyPgColumn => credentials.id),
    reconciliationPlugin: text("reconciliation_plugin"),
    reconciliationTemplateId: uuid("reconciliation_template_id").references(() => templates.id),
    strengthId: uuid("strength_id").references(() => strengths.id),
    /** The policy whose criteria it meets; kept up to date by `resolvePolicies`. */
    policyId: uuid("policy_id").references(() => policies.id),
    /** Whether policies drive it: from its first requested change that succeeded. */
    driven: boolean("driven").notNull().default(false),
    /** When the present password was first seen by a person, and first used by a session that ended. */
    viewedAt: timestamptz("viewed_at"),
    sessionEndedAt: timestamptz("session_ended_at"),
    /** When a person declared the present password expired. */
    expiredAt: timestamptz("expired_at"),
    /** Place within the policy's jitter, 0 to 1; drawn anew at each change. */
    spread: real("spread")
      .notNull()
      .default(sql`random()`),
    /** No automatic change starts before: after a failed one, or while it accepts none. */
    automaticNotBefore: timestamptz("automatic_not_before"),
    /** Why its policy could not change it when it was due. */
    automaticRefusal: text("automatic_refusal").$type<ErrorCode>(),
    /** When its policy changes it next, and why; null when it does not. Kept up to date by a trigger. */
    nextChangeAt: timestamptz("next_change_at"),
    nextTrigger: text("next_trigger").$type<Extract<Trigger, "age" | "view" | "session">>(),
    /** Why the credential waits for a person; null when it does not. */
    attention: text("attention").$type<ErrorCode>(),
    attentionSince: timestamptz("attention_since"),
    lastCheck: text("last_check").$type<Verdict>(),
    lastCheckCode: text("last_check_code").$type<ErrorCode>(),
    lastCheckAt: timestamptz("last_check_at"),
    /** Since when every check says the same. */
    lastCheckSince: timestamptz("last_check_since"),
    /** When a drift check last took it up: set before the log-in, so that a worker that dies does not check it twice. */
    driftAt: timestamptz("drift_at"),
    /** How its latest change failed; null when it succeeded, or when a person settled it. */
    lastFailure: text("last_failure").$type<ErrorCode>(),
    /** Last successful change: the start of the password's age. */
    changedAt: timestamptz("changed_at"),
    revision: integer("revision").notNull().default(1),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
    updatedAt: timestamptz("updated_at").notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("credentials_identity_active")
      .on(table.deviceId, table.plugin, table.username, table.domain, table.additionalInfo)
      .where(sql`${table.active}`),
    index("credentials_device").on(table.deviceId),
    index("credentials_authentication").on(table.authenticationCredentialId),
    index("credentials_parent").on(table.parentCredentialId),
    index("credentials_attention")
      .on(table.attentionSince)
      .where(sql`${table.attention} is not null`),
    index("credentials_policy").on(table.policyId),
    index("credentials_next_change")
      .on(table.nextChangeAt)
      .where(sql`${table.nextChangeAt} is not null`),
  ],
);

/** Every password a credential had, has or may have. The value is sealed; see `crypto/`. */
export const secretVersions = pgTable(
  "secret_versions",
  {
    id: id(),
    credentialId: uuid("credential_id")
      .notNull()
      .references(() => credentials.id),
    /** Counts up within the credential; promotion compares it. */
    version: integer("version").notNull(),
    status: text("status").$type<SecretStatus>().notNull(),
    /** The sealed value; null once it was purged. */
    sealed: bytea("sealed"),
    origin: text("origin").$type<"generated" | "stored" | "parent">().notNull(),
    /** The parent's version whose value it has. */
    parentVersionId: uuid("parent_version_id"),
    /** Operation that made it, if one did. */
    operationCode: bigint("operation_code", { mode: "number" }),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
    promotedAt: timestamptz("promoted_at"),
    /** When the sealed value may be destroyed; what was ever sent is kept for 90 days. */
    purgeAfter: timestamptz("purge_after"),
  },
  (table) => [
    uniqueIndex("secret_versions_number").on(table.credentialId, table.version),
    uniqueIndex("secret_versions_one_current")
      .on(table.credentialId)
      .where(sql`${table.status} = 'current'`),
    uniqueIndex("secret_versions_one_open")
      .on(table.credentialId)
      .where(sql`${table.status} in ('candidate', 'doubtful')`),
    index("secret_versions_purge")
      .on(table.purgeAfter)
      .where(sql`${table.sealed} is not null and ${table.status} in ('retired', 'discarded')`),
  ],
);

/** Key-encryption keys this database was sealed with, each with a value only that key can open. Never the key itself. */
export const encryptionKeys = pgTable("encryption_keys", {
  id: text("id").primaryKey(),
  provider: text("provider").$type<"file" | "environment">().notNull(),
  checkValue: bytea("check_value").notNull(),
  createdAt: timestamptz("created_at").notNull().defaultNow(),
});
