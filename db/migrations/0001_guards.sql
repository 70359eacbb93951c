-- What the schema's own language cannot say.

-- Epochs: one number line for all attempts, so that "mine" can never be mistaken for another's.
CREATE SEQUENCE "epochs" AS bigint;--> statement-breakpoint

-- The audit is append-only, for its owner too.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;--> statement-breakpoint
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON "audit"
  FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();--> statement-breakpoint
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON "audit"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();--> statement-breakpoint

-- Rows that change at every phase: room for updates on the same page.
ALTER TABLE "operations" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "attempts" SET (fillfactor = 70);--> statement-breakpoint

INSERT INTO "settings" ("id", "values") VALUES (1, '{}');--> statement-breakpoint
INSERT INTO "strengths" ("id", "name", "rules") VALUES (
  '01900000-0000-7000-8000-000000000001', 'default',
  '{"minLength":24,"maxLength":24,"lowercase":2,"uppercase":2,"digits":2,"symbols":2,"symbolSet":"-_.+=","repeatedNeighbours":false}'
);
