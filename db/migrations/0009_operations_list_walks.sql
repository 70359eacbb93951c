DROP INDEX "operations_state_kind";--> statement-breakpoint
DROP INDEX "operations_due";--> statement-breakpoint
DROP INDEX "operations_executed";--> statement-breakpoint
CREATE INDEX "operations_state_code" ON "operations" USING btree ("state","code");--> statement-breakpoint
CREATE INDEX "operations_state_due" ON "operations" USING btree ("state","due_at","code");--> statement-breakpoint
CREATE INDEX "operations_state_executed" ON "operations" USING btree ("state",coalesce("executed_at", '-infinity'::timestamptz),"code");--> statement-breakpoint
CREATE INDEX "operations_executed_early" ON "operations" USING btree ("due_at","executed_at","code") WHERE "operations"."executed_at" is null or "operations"."executed_at" < "operations"."due_at";--> statement-breakpoint
CREATE INDEX "operations_executed_late" ON "operations" USING btree ("executed_at","due_at","code") WHERE "operations"."executed_at" - "operations"."due_at" > interval '1 day';