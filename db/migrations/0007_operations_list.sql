-- The triggers and the first counts need operations that nobody writes meanwhile.
LOCK TABLE "operations" IN SHARE ROW EXCLUSIVE MODE;--> statement-breakpoint
CREATE TABLE "operation_counts" (
	"state" text NOT NULL,
	"site" text NOT NULL,
	"count" bigint NOT NULL,
	CONSTRAINT "operation_counts_state_site_pk" PRIMARY KEY("state","site")
);
--> statement-breakpoint
CREATE TABLE "operation_events" (
	"xid" "xid8" NOT NULL,
	"id" bigserial NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"code" bigint NOT NULL,
	"from_state" text,
	"state" text NOT NULL,
	"site" text NOT NULL,
	CONSTRAINT "operation_events_xid_id_pk" PRIMARY KEY("xid","id")
);
--> statement-breakpoint
CREATE TABLE "operation_events_fold" (
	"id" integer PRIMARY KEY NOT NULL,
	"folded_below" "xid8" NOT NULL,
	"trimmed_xid" "xid8" NOT NULL,
	"trimmed_id" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "requesters" (
	"name" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
DROP INDEX "operations_state";--> statement-breakpoint
CREATE INDEX "attempts_failed" ON "attempts" USING btree ("outcome","started_at") WHERE "attempts"."outcome" <> 'change.succeeded';--> statement-breakpoint
CREATE INDEX "operations_state_kind" ON "operations" USING btree ("state","kind","code");--> statement-breakpoint
CREATE INDEX "operations_target" ON "operations" USING btree ("target_id","code");--> statement-breakpoint
CREATE INDEX "operations_device" ON "operations" USING btree ("device_id","code");--> statement-breakpoint
CREATE INDEX "operations_requester" ON "operations" USING btree ("requested_by","code");--> statement-breakpoint
CREATE INDEX "operations_due" ON "operations" USING btree ("due_at","code");--> statement-breakpoint
CREATE INDEX "operations_executed" ON "operations" USING btree (coalesce("executed_at", '-infinity'::timestamptz),"code");--> statement-breakpoint

-- What the schema's own language cannot say.

-- Text filters are "contains": one index over the few targets answers all of them, from three letters on.
CREATE EXTENSION IF NOT EXISTS pg_trgm;--> statement-breakpoint
CREATE FUNCTION lower_all(texts text[]) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lower(texts::text)::text[];--> statement-breakpoint
CREATE INDEX "target_snapshots_search" ON "target_snapshots" USING gin (
  "username" gin_trgm_ops, "device" gin_trgm_ops, "manufacturer" gin_trgm_ops, "model" gin_trgm_ops,
  "site" gin_trgm_ops, "url" gin_trgm_ops, "address" gin_trgm_ops, lower_all("tags")
);--> statement-breakpoint

-- The list trusts the visibility map and the statistics of the newest rows: they must not wait for a fifth of the table.
ALTER TABLE "operations" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "attempts" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint

-- A forgotten xid would make an event invisible for ever, so no writer names it.
ALTER TABLE "operation_events" ALTER COLUMN "xid" SET DEFAULT pg_current_xact_id();--> statement-breakpoint

CREATE FUNCTION note_new_operations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO operation_events (code, state, site) SELECT code, state, site FROM inserted ORDER BY code;
  INSERT INTO requesters (name) SELECT DISTINCT requested_by FROM inserted
    WHERE NOT EXISTS (SELECT FROM requesters WHERE name = requested_by) ORDER BY requested_by ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE FUNCTION note_operation_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO operation_events (code, from_state, state, site) VALUES (NEW.code, OLD.state, NEW.state, NEW.site);
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER operations_requested AFTER INSERT ON "operations" REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION note_new_operations();--> statement-breakpoint
CREATE TRIGGER operations_moved AFTER UPDATE ON "operations"
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note_operation_state();--> statement-breakpoint

-- Nobody writes operations until this commits, and every event is of later: all of them count.
INSERT INTO "operation_counts" ("state", "site", "count") SELECT state, site, count(*) FROM operations GROUP BY 1, 2;--> statement-breakpoint
INSERT INTO "operation_events_fold" ("id", "folded_below", "trimmed_xid", "trimmed_id") VALUES (1, '0', '0', 0);--> statement-breakpoint
INSERT INTO "requesters" ("name") SELECT DISTINCT requested_by FROM operations;
