DROP INDEX "operations_succeeded";--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "last_failure" text;--> statement-breakpoint
CREATE INDEX "operations_succeeded" ON "operations" USING btree ("ended_at") WHERE "operations"."state" = 'succeeded' and "operations"."kind" <> 'verify-password';