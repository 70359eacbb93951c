CREATE TABLE "devices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"address" text NOT NULL,
	"port" integer,
	"manufacturer" text DEFAULT '' NOT NULL,
	"model" text DEFAULT '' NOT NULL,
	"type" text DEFAULT '' NOT NULL,
	"site" text DEFAULT 'default' NOT NULL,
	"domain" text DEFAULT '' NOT NULL,
	"url" text DEFAULT '' NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"settings" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"pinned_identity" text,
	"seen_identity" text,
	"seen_identity_at" timestamp with time zone,
	"permits" integer DEFAULT 2 NOT NULL,
	"transport_failures" integer DEFAULT 0 NOT NULL,
	"breaker_until" timestamp with time zone,
	"active" boolean DEFAULT true NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "credentials" (
	"id" uuid PRIMARY KEY NOT NULL,
	"device_id" uuid NOT NULL,
	"plugin" text NOT NULL,
	"username" text NOT NULL,
	"domain" text DEFAULT '' NOT NULL,
	"additional_info" text DEFAULT '' NOT NULL,
	"type" text DEFAULT 'Local user' NOT NULL,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"notes" text DEFAULT '' NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	"automatic_change" boolean DEFAULT false NOT NULL,
	"template_id" uuid,
	"use_own_credential" boolean DEFAULT true NOT NULL,
	"authentication_credential_id" uuid,
	"parent_credential_id" uuid,
	"strength_id" uuid,
	"attention" text,
	"attention_since" timestamp with time zone,
	"last_check" text,
	"last_check_code" text,
	"last_check_at" timestamp with time zone,
	"changed_at" timestamp with time zone,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "encryption_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"check_value" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "secret_versions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"credential_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"status" text NOT NULL,
	"sealed" "bytea",
	"origin" text NOT NULL,
	"operation_code" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"promoted_at" timestamp with time zone,
	"purge_after" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "strengths" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"rules" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strengths_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "attempts" (
	"operation_code" bigint NOT NULL,
	"number" integer NOT NULL,
	"run" integer NOT NULL,
	"epoch" bigint NOT NULL,
	"credential_id" uuid NOT NULL,
	"device_id" uuid NOT NULL,
	"secret_version_id" uuid,
	"plugin" text NOT NULL,
	"authenticator_id" uuid NOT NULL,
	"worker" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"permit" boolean DEFAULT true NOT NULL,
	"sent_at" timestamp with time zone,
	"lease_until" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"outcome" text,
	"detail" text DEFAULT '' NOT NULL,
	"transcript" text DEFAULT '' NOT NULL,
	"steps" jsonb DEFAULT '[]'::jsonb NOT NULL,
	CONSTRAINT "attempts_operation_code_number_pk" PRIMARY KEY("operation_code","number")
);
--> statement-breakpoint
CREATE TABLE "login_reservations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account" text NOT NULL,
	"reserved_at" timestamp with time zone DEFAULT now() NOT NULL,
	"failed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "operations" (
	"code" bigserial PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"phase" text,
	"run" integer DEFAULT 1 NOT NULL,
	"started_run" integer DEFAULT 0 NOT NULL,
	"credential_id" uuid NOT NULL,
	"open_credential_id" uuid,
	"device_id" uuid NOT NULL,
	"authenticator_id" uuid,
	"target_id" bigint NOT NULL,
	"site" text NOT NULL,
	"trigger" text NOT NULL,
	"requested_by" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"priority" smallint DEFAULT 2 NOT NULL,
	"run_attempts" integer DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"refusals" integer DEFAULT 0 NOT NULL,
	"probes" integer DEFAULT 0 NOT NULL,
	"scheduled_for" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"waiting_for" text,
	"permit_granted_at" timestamp with time zone,
	"wake_at" timestamp with time zone,
	"outcome" text,
	"requested_at" timestamp with time zone DEFAULT now() NOT NULL,
	"executed_at" timestamp with time zone,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "target_snapshots" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"digest" text NOT NULL,
	"username" text NOT NULL,
	"domain" text NOT NULL,
	"device" text NOT NULL,
	"address" text NOT NULL,
	"manufacturer" text NOT NULL,
	"model" text NOT NULL,
	"site" text NOT NULL,
	"url" text NOT NULL,
	"tags" text[] NOT NULL,
	CONSTRAINT "target_snapshots_digest_unique" UNIQUE("digest")
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"person" text DEFAULT '' NOT NULL,
	"action" text NOT NULL,
	"object_type" text NOT NULL,
	"object_id" text NOT NULL,
	"operation_code" bigint,
	"request_id" text DEFAULT '' NOT NULL,
	"address" text DEFAULT '' NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"token_id" uuid NOT NULL,
	"key" text NOT NULL,
	"digest" text NOT NULL,
	"status" integer,
	"body" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_token_id_key_pk" PRIMARY KEY("token_id","key")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"event" text NOT NULL,
	"payload" jsonb NOT NULL,
	"delivered_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"id" integer PRIMARY KEY NOT NULL,
	"values" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"digest" text NOT NULL,
	"owner" text NOT NULL,
	"roles" text[] NOT NULL,
	"allowed_addresses" text[] NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tokens_digest_unique" UNIQUE("digest")
);
--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_authentication_credential_id_credentials_id_fk" FOREIGN KEY ("authentication_credential_id") REFERENCES "public"."credentials"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_parent_credential_id_credentials_id_fk" FOREIGN KEY ("parent_credential_id") REFERENCES "public"."credentials"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_strength_id_strengths_id_fk" FOREIGN KEY ("strength_id") REFERENCES "public"."strengths"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secret_versions" ADD CONSTRAINT "secret_versions_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_operation_code_operations_code_fk" FOREIGN KEY ("operation_code") REFERENCES "public"."operations"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempts" ADD CONSTRAINT "attempts_secret_version_id_secret_versions_id_fk" FOREIGN KEY ("secret_version_id") REFERENCES "public"."secret_versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operations" ADD CONSTRAINT "operations_target_id_target_snapshots_id_fk" FOREIGN KEY ("target_id") REFERENCES "public"."target_snapshots"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "devices_name_active" ON "devices" USING btree (lower("name")) WHERE "devices"."active";--> statement-breakpoint
CREATE INDEX "devices_site" ON "devices" USING btree ("site");--> statement-breakpoint
CREATE UNIQUE INDEX "credentials_identity_active" ON "credentials" USING btree ("device_id","plugin","username","domain","additional_info") WHERE "credentials"."active";--> statement-breakpoint
CREATE INDEX "credentials_device" ON "credentials" USING btree ("device_id");--> statement-breakpoint
CREATE INDEX "credentials_authentication" ON "credentials" USING btree ("authentication_credential_id");--> statement-breakpoint
CREATE INDEX "credentials_parent" ON "credentials" USING btree ("parent_credential_id");--> statement-breakpoint
CREATE INDEX "credentials_attention" ON "credentials" USING btree ("attention_since") WHERE "credentials"."attention" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "secret_versions_number" ON "secret_versions" USING btree ("credential_id","version");--> statement-breakpoint
CREATE UNIQUE INDEX "secret_versions_one_current" ON "secret_versions" USING btree ("credential_id") WHERE "secret_versions"."status" = 'current';--> statement-breakpoint
CREATE UNIQUE INDEX "secret_versions_one_open" ON "secret_versions" USING btree ("credential_id") WHERE "secret_versions"."status" in ('candidate', 'doubtful');--> statement-breakpoint
CREATE INDEX "attempts_live_device" ON "attempts" USING btree ("device_id") WHERE "attempts"."permit";--> statement-breakpoint
CREATE INDEX "attempts_version" ON "attempts" USING btree ("secret_version_id");--> statement-breakpoint
CREATE INDEX "attempts_started" ON "attempts" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "login_reservations_account" ON "login_reservations" USING btree ("account","reserved_at");--> statement-breakpoint
CREATE UNIQUE INDEX "operations_one_open" ON "operations" USING btree ("open_credential_id") WHERE "operations"."open_credential_id" is not null;--> statement-breakpoint
CREATE INDEX "operations_unstarted" ON "operations" USING btree ("code") WHERE "operations"."started_run" < "operations"."run";--> statement-breakpoint
CREATE INDEX "operations_wake" ON "operations" USING btree ("wake_at") WHERE "operations"."wake_at" is not null;--> statement-breakpoint
CREATE INDEX "operations_parked" ON "operations" USING btree ("device_id","priority","code") WHERE "operations"."waiting_for" in ('device', 'authenticator');--> statement-breakpoint
CREATE INDEX "operations_credential" ON "operations" USING btree ("credential_id","code");--> statement-breakpoint
CREATE INDEX "operations_state" ON "operations" USING btree ("state","code");--> statement-breakpoint
CREATE INDEX "audit_operation" ON "audit" USING btree ("operation_code");--> statement-breakpoint
CREATE INDEX "audit_object" ON "audit" USING btree ("object_type","object_id");