import { bigint, bigserial, index, integer, jsonb, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import type { Role } from "../../contracts/roles.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { id, timestamptz } from "./devices.ts";

/** What happened, by whom, to what. A trigger refuses any change of a row. */
export const audit = pgTable(
  "audit",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    at: timestamptz("at").notNull().defaultNow(),
    /** Token name, or `worker`. */
    actor: text("actor").notNull(),
    /** The person behind the token; empty for Keyturn itself. */
    person: text("person").notNull().default(""),
    /** `noun.verb`, for instance `operation.succeeded`. */
    action: text("action").notNull(),
    objectType: text("object_type").notNull(),
    objectId: text("object_id").notNull(),
    operationCode: bigint("operation_code", { mode: "number" }),
    requestId: text("request_id").notNull().default(""),
    address: text("address").notNull().default(""),
    details: jsonb("details").$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [
    index("audit_operation").on(table.operationCode),
    index("audit_object").on(table.objectType, table.objectId),
  ],
);

/** Events for the outside, committed with what they tell of. */
export const outbox = pgTable("outbox", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  at: timestamptz("at").notNull().defaultNow(),
  event: text("event").notNull(),
  payload: jsonb("payload").$type<Record<string, unknown>>().notNull(),
  deliveredAt: timestamptz("delivered_at"),
});

/** Bearer tokens, stored as SHA-256. */
export const tokens = pgTable("tokens", {
  id: id(),
  name: text("name").notNull(),
  digest: text("digest").notNull().unique(),
  /** The person who owns it. */
  owner: text("owner").notNull(),
  roles: text("roles").array().$type<Role[]>().notNull(),
  allowedAddresses: text("allowed_addresses").array().notNull(),
  expiresAt: timestamptz("expires_at"),
  revokedAt: timestamptz("revoked_at"),
  lastUsedAt: timestamptz("last_used_at"),
  createdAt: timestamptz("created_at").notNull().defaultNow(),
});

/** Answers of requests that made work, by token and key. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    tokenId: uuid("token_id").notNull(),
    key: text("key").notNull(),
    /** SHA-256 over route and body. */
    digest: text("digest").notNull(),
    status: integer("status"),
    body: jsonb("body").$type<unknown>(),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.tokenId, table.key] })],
);

/** The one row of global settings. */
export const settings = pgTable("settings", {
  id: integer("id").primaryKey(),
  values: jsonb("values").$type<Partial<Settings>>().notNull().default({}),
  revision: integer("revision").notNull().default(1),
});
