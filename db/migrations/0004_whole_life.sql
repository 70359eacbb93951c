CREATE TABLE "device_revisions" (
	"device_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"address" text NOT NULL,
	"port" integer,
	"settings" jsonb NOT NULL,
	"pinned_identity" text,
	CONSTRAINT "device_revisions_device_id_revision_pk" PRIMARY KEY("device_id","revision")
);
--> statement-breakpoint
CREATE TABLE "approvals" (
	"operation_code" bigint NOT NULL,
	"round" integer NOT NULL,
	"person" text NOT NULL,
	"level" integer NOT NULL,
	"decision" text NOT NULL,
	"comment" text DEFAULT '' NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "approvals_operation_code_round_person_pk" PRIMARY KEY("operation_code","round","person")
);
--> statement-breakpoint
CREATE TABLE "policies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	"priority" integer DEFAULT 1 NOT NULL,
	"strength_id" uuid,
	"criteria" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"max_age_minutes" integer,
	"after_view_minutes" integer,
	"after_session_minutes" integer,
	"reuse_minutes" integer DEFAULT 0 NOT NULL,
	"jitter_minutes" integer DEFAULT 0 NOT NULL,
	"first_change" text DEFAULT 'manual' NOT NULL,
	"windows" jsonb DEFAULT '{"timeZone":"UTC"}'::jsonb NOT NULL,
	"limits" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"approval" jsonb,
	"paused" boolean DEFAULT false NOT NULL,
	"paused_reason" text DEFAULT '' NOT NULL,
	"paused_at" timestamp with time zone,
	"error_code" text,
	"errors_in_a_row" integer DEFAULT 0 NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text DEFAULT '' NOT NULL,
	"updated_by" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sites" (
	"name" text PRIMARY KEY NOT NULL,
	"paused" boolean DEFAULT false NOT NULL,
	"paused_reason" text DEFAULT '' NOT NULL,
	"paused_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "child_value" text DEFAULT 'parent' NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "reconciliation_enabled" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "reconciliation_autorun" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "reconciliation_credential_id" uuid;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "reconciliation_plugin" text;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "reconciliation_template_id" uuid;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "policy_id" uuid;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "driven" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "viewed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "session_ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "spread" real DEFAULT random() NOT NULL;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "automatic_not_before" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "next_change_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "next_trigger" text;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "last_check_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "secret_versions" ADD COLUMN "parent_version_id" uuid;--> statement-breakpoint
ALTER TABLE "strengths" ADD COLUMN "active" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "strengths" ADD COLUMN "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "strengths" ADD COLUMN "updated_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "strengths" ADD COLUMN "created_by" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "strengths" ADD COLUMN "updated_by" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "attempts" ADD COLUMN "template_id" uuid;--> statement-breakpoint
ALTER TABLE "attempts" ADD COLUMN "template_version" integer;--> statement-breakpoint
ALTER TABLE "attempts" ADD COLUMN "device_revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "policy_id" uuid;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "parent_code" bigint;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "children_pending" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "approval" jsonb;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "approval_round" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "approval_digest" text;--> statement-breakpoint
ALTER TABLE "operations" ADD COLUMN "approval_expires_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "device_revisions" ADD CONSTRAINT "device_revisions_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_operation_code_operations_code_fk" FOREIGN KEY ("operation_code") REFERENCES "public"."operations"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "policies" ADD CONSTRAINT "policies_strength_id_strengths_id_fk" FOREIGN KEY ("strength_id") REFERENCES "public"."strengths"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "policies_name" ON "policies" USING btree (lower("name"));--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_reconciliation_credential_id_credentials_id_fk" FOREIGN KEY ("reconciliation_credential_id") REFERENCES "public"."credentials"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_policy_id_policies_id_fk" FOREIGN KEY ("policy_id") REFERENCES "public"."policies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_policy_id_policies_id_fk" FOREIGN KEY ("policy_id") REFERENCES "public"."policies"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credentials_policy" ON "credentials" USING btree ("policy_id");--> statement-breakpoint
CREATE INDEX "credentials_next_change" ON "credentials" USING btree ("next_change_at") WHERE "credentials"."next_change_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "operations_parent" ON "operations" USING btree ("parent_code","credential_id") WHERE "operations"."parent_code" is not null;--> statement-breakpoint
CREATE INDEX "operations_children_pending" ON "operations" USING btree ("ended_at") WHERE "operations"."children_pending";--> statement-breakpoint
CREATE INDEX "operations_paused" ON "operations" USING btree ("policy_id") WHERE "operations"."waiting_for" in ('pause', 'window');