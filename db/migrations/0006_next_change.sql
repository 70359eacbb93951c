-- When a credential's policy changes it next, and why. A trigger, so that whoever writes one of the facts has the
-- answer written with it. It runs once the row is locked and reads the policy anew then: an edit of the policy that
-- was waited for is seen.
CREATE FUNCTION set_next_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  policy policies;
  of_age timestamptz;
  of_view timestamptz;
  of_session timestamptz;
  first timestamptz;
BEGIN
  NEW.next_change_at := NULL;
  NEW.next_trigger := NULL;
  IF NEW.policy_id IS NULL OR NOT NEW.active OR NOT NEW.automatic_change THEN
    RETURN NEW;
  END IF;
  SELECT * INTO policy FROM policies
    WHERE id = NEW.policy_id AND active AND (NEW.driven OR first_change = 'automatic');
  IF NOT FOUND THEN
    RETURN NEW;
  END IF;
  -- LEAST passes over what is null.
  of_age := least(NEW.expired_at, coalesce(NEW.changed_at, NEW.created_at)
    + make_interval(mins => policy.max_age_minutes) - make_interval(secs => NEW.spread * policy.jitter_minutes * 60));
  of_view := NEW.viewed_at + make_interval(mins => greatest(policy.after_view_minutes, policy.reuse_minutes));
  of_session := NEW.session_ended_at
    + make_interval(mins => greatest(policy.after_session_minutes, policy.reuse_minutes));
  IF policy.after_view_minutes IS NULL THEN of_view := NULL; END IF;
  IF policy.after_session_minutes IS NULL THEN of_session := NULL; END IF;
  first := least(of_age, of_view, of_session);
  IF first IS NOT NULL THEN
    NEW.next_change_at := greatest(first, NEW.automatic_not_before);
    NEW.next_trigger := CASE first WHEN of_age THEN 'age' WHEN of_view THEN 'view' ELSE 'session' END;
  END IF;
  RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER credentials_next_change BEFORE INSERT OR UPDATE OF policy_id, active, automatic_change, driven,
  changed_at, viewed_at, session_ended_at, expired_at, spread, automatic_not_before ON "credentials"
  FOR EACH ROW EXECUTE FUNCTION set_next_change();
