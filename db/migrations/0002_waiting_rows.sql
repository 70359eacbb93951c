DROP INDEX "operations_parked";--> statement-breakpoint
CREATE INDEX "operations_dependents" ON "operations" USING btree ("authenticator_id") WHERE "operations"."waiting_for" in ('authenticator', 'login-budget');--> statement-breakpoint
CREATE INDEX "operations_parked" ON "operations" USING btree ("device_id","priority","code") WHERE "operations"."waiting_for" = 'device';