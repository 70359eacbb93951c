DROP INDEX "operations_state_code";--> statement-breakpoint
DROP INDEX "operations_state_due";--> statement-breakpoint
DROP INDEX "operations_state_executed";--> statement-breakpoint

-- What the list walks by: with everything that filters ask of a row, so that walking reads no row. What is included
-- never changes, or changes only with what is indexed anyway.
CREATE INDEX "operations_state_code" ON "operations" ("state", "code")
  INCLUDE ("target_id", "kind", "requested_by", "due_at", "executed_at");--> statement-breakpoint
CREATE INDEX "operations_state_due" ON "operations" ("state", "due_at", "code")
  INCLUDE ("target_id", "kind", "requested_by", "executed_at");--> statement-breakpoint
CREATE INDEX "operations_state_executed" ON "operations" ("state", coalesce("executed_at", '-infinity'::timestamptz), "code")
  INCLUDE ("target_id", "kind", "requested_by", "due_at", "executed_at");
