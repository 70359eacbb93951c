-- With one limit more than the earlier one, which a running older version goes on calling.
CREATE FUNCTION reserve_login(new_id uuid, for_account text, allowed integer, most integer, within interval,
  lost_after interval, OUT reserved uuid, OUT free_at timestamptz, OUT under_way boolean) LANGUAGE plpgsql AS $$
DECLARE
  used integer;
  failed integer;
  decided_at timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(for_account, 0));
  SELECT count(*), count(failed_at), min(reserved_at) + within,
      coalesce(bool_or(failed_at IS NULL AND reserved_at > now() - lost_after), false),
      max(reserved_at) FILTER (WHERE failed_at IS NULL) + lost_after
    INTO used, failed, free_at, under_way, decided_at
    FROM login_reservations WHERE account = for_account AND reserved_at > now() - within;
  -- Workers died over log-ins, and no device has refused one: one log-in at a time may find out.
  IF used < allowed OR (failed = 0 AND NOT under_way AND used < most) THEN
    INSERT INTO login_reservations (id, account) VALUES (new_id, for_account);
    reserved := new_id;
  ELSIF failed = 0 AND used < most THEN
    free_at := decided_at;
  END IF;
END $$;
