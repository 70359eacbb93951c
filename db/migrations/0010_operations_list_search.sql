ALTER TABLE "target_snapshots" ADD COLUMN "search" text GENERATED ALWAYS AS (username || E'
' || device || E'
' || address || E'
' || manufacturer || E'
' || model || E'
' || site || E'
' || url) STORED NOT NULL;--> statement-breakpoint
CREATE INDEX "operations_kind" ON "operations" USING btree ("kind","code") WHERE "operations"."kind" <> 'change-password';--> statement-breakpoint

DROP INDEX "target_snapshots_search";--> statement-breakpoint
CREATE INDEX "target_snapshots_search" ON "target_snapshots" USING gin (
  "username" gin_trgm_ops, "device" gin_trgm_ops, "manufacturer" gin_trgm_ops, "model" gin_trgm_ops,
  "site" gin_trgm_ops, "search" gin_trgm_ops, lower_all("tags")
);
