import { bigint, bigserial, customType, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { OperationState } from "../../contracts/states.ts";
import { timestamptz } from "./devices.ts";

/** Number of a transaction, never used again; rises in the order in which transactions first wrote. */
const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });

/**
 * Every change of an operation's state, written by triggers. Events are read in the order (xid, id) and only below
 * the oldest transaction that still runs: no event can appear behind a place that was read.
 */
export const operationEvents = pgTable(
  "operation_events",
  {
    xid: xid8("xid").notNull(),
    id: bigserial("id", { mode: "number" }),
    at: timestamptz("at").notNull().defaultNow(),
    code: bigint("code", { mode: "number" }).notNull(),
    /** Null: it was requested. */
    fromState: text("from_state").$type<OperationState>(),
    state: text("state").$type<OperationState>().notNull(),
    site: text("site").notNull(),
  },
  (table) => [primaryKey({ columns: [table.xid, table.id] })],
);

/** Operations by state and site, without the events from `folded_below` on. */
export const operationCounts = pgTable(
  "operation_counts",
  {
    state: text("state").$type<OperationState>().notNull(),
    site: text("site").notNull(),
    count: bigint("count", { mode: "number" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.state, table.site] })],
);

/** The one row that says which events are in the counts, and which are kept no longer. */
export const operationEventsFold = pgTable("operation_events_fold", {
  id: integer("id").primaryKey(),
  foldedBelow: xid8("folded_below").notNull(),
  /** The last event that was removed. */
  trimmedXid: xid8("trimmed_xid").notNull(),
  trimmedId: bigint("trimmed_id", { mode: "number" }).notNull(),
});

/** Everybody who ever requested an operation, kept by a trigger: the list's filter looks here first. */
export const requesters = pgTable("requesters", { name: text("name").primaryKey() });
