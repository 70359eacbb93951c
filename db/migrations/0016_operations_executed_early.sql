-- What was never executed is found by code: only what waits for another attempt is a stray.
DROP INDEX "operations_executed_early";--> statement-breakpoint
CREATE INDEX "operations_executed_early" ON "operations" ("due_at", "executed_at", "code")
  INCLUDE ("state", "kind", "target_id", "requested_by") WHERE "executed_at" < "due_at";
