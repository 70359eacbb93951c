CREATE TABLE "policy_states" (
	"policy_id" uuid PRIMARY KEY NOT NULL,
	"paused" boolean DEFAULT false NOT NULL,
	"paused_reason" text DEFAULT '' NOT NULL,
	"paused_at" timestamp with time zone,
	"error_code" text,
	"errors_in_a_row" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "expired_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "automatic_refusal" text;--> statement-breakpoint
ALTER TABLE "policy_states" ADD CONSTRAINT "policy_states_policy_id_policies_id_fk" FOREIGN KEY ("policy_id") REFERENCES "public"."policies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "operations_succeeded" ON "operations" USING btree ("ended_at") WHERE "operations"."state" = 'succeeded';--> statement-breakpoint
ALTER TABLE "policies" DROP COLUMN "paused";--> statement-breakpoint
ALTER TABLE "policies" DROP COLUMN "paused_reason";--> statement-breakpoint
ALTER TABLE "policies" DROP COLUMN "paused_at";--> statement-breakpoint
ALTER TABLE "policies" DROP COLUMN "error_code";--> statement-breakpoint
ALTER TABLE "policies" DROP COLUMN "errors_in_a_row";