DROP INDEX "operations_target";--> statement-breakpoint
DROP INDEX "operations_requester";--> statement-breakpoint
DROP INDEX "operations_kind";--> statement-breakpoint
DROP INDEX "operations_planned_ahead";--> statement-breakpoint
DROP INDEX "operations_executed_early";--> statement-breakpoint
DROP INDEX "operations_executed_late";--> statement-breakpoint

-- What the list gathers by, and where it finds strays: with everything that filters ask of a row, too.
CREATE INDEX "operations_target" ON "operations" ("target_id", "code")
  INCLUDE ("state", "kind", "requested_by", "due_at", "executed_at");--> statement-breakpoint
CREATE INDEX "operations_requester" ON "operations" ("requested_by", "code")
  INCLUDE ("state", "kind", "target_id", "due_at", "executed_at");--> statement-breakpoint
CREATE INDEX "operations_kind" ON "operations" ("kind", "code")
  INCLUDE ("state", "target_id", "requested_by", "due_at", "executed_at") WHERE "kind" <> 'change-password';--> statement-breakpoint
CREATE INDEX "operations_planned_ahead" ON "operations" ("due_at", "code")
  INCLUDE ("state", "kind", "target_id", "requested_by", "executed_at")
  WHERE "due_at" - "requested_at" > interval '1 day';--> statement-breakpoint
CREATE INDEX "operations_executed_early" ON "operations" ("due_at", "executed_at", "code")
  INCLUDE ("state", "kind", "target_id", "requested_by")
  WHERE "executed_at" IS NULL OR "executed_at" < "due_at";--> statement-breakpoint
CREATE INDEX "operations_executed_late" ON "operations" ("executed_at", "due_at", "code")
  INCLUDE ("state", "kind", "target_id", "requested_by")
  WHERE "executed_at" - "due_at" > interval '1 day';
