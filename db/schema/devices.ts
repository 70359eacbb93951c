import { sql } from "drizzle-orm";
import {
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

export const timestamptz = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

/** Primary key of every row that people do not number: time-ordered, made by PostgreSQL 18 or by `newId`. */
export const id = () => uuid("id").primaryKey();

/** A system with accounts. */
export const devices = pgTable(
  "devices",
  {
    id: id(),
    name: text("name").notNull(),
    address: text("address").notNull(),
    port: integer("port"),
    manufacturer: text("manufacturer").notNull().default(""),
    model: text("model").notNull().default(""),
    type: text("type").notNull().default(""),
    site: text("site").notNull().default("default"),
    domain: text("domain").notNull().default(""),
    url: text("url").notNull().default(""),
    tags: text("tags")
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** Per plugin kind, that plugin's settings for this device. */
    settings: jsonb("settings").$type<Record<string, Record<string, unknown>>>().notNull().default({}),
    /** `SHA256:…` of the host key or certificate that was compared and accepted by a person. */
    pinnedIdentity: text("pinned_identity"),
    /** What the device showed when it was last asked, and when. Nothing trusts it. */
    seenIdentity: text("seen_identity"),
    seenIdentityAt: timestamptz("seen_identity_at"),
    /** Changes that may run on the device at once. */
    permits: integer("permits").notNull().default(2),
    /** Transport failures in a row; two keep changes away until `breakerUntil`. */
    transportFailures: integer("transport_failures").notNull().default(0),
    breakerUntil: timestamptz("breaker_until"),
    active: boolean("active").notNull().default(true),
    revision: integer("revision").notNull().default(1),
    createdAt: timestamptz("created_at").notNull().defaultNow(),
    updatedAt: timestamptz("updated_at").notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("devices_name_active")
      .on(sql`lower(${table.name})`)
      .where(sql`${table.active}`),
    index("devices_site").on(table.site),
  ],
);

/** What an edit replaced of a device: a change in doubt is looked into where it was sent. */
export const deviceRevisions = pgTable(
  "device_revisions",
  {
    deviceId: uuid("device_id")
      .notNull()
      .references(() => devices.id),
    revision: integer("revision").notNull(),
    address: text("address").notNull(),
    port: integer("port"),
    settings: jsonb("settings").$type<Record<string, Record<string, unknown>>>().notNull(),
    pinnedIdentity: text("pinned_identity"),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.revision] })],
);
