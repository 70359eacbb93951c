-- Reserving a log-in is counting and inserting under one lock: as a function it is one round trip of each change.
-- Gives the reservation's id back when it was made; else when a unit frees for certain, and whether one may come back
-- any moment because its log-in is still under way.
CREATE FUNCTION reserve_login(new_id uuid, for_account text, allowed integer, within interval, lost_after interval,
  OUT reserved uuid, OUT free_at timestamptz, OUT under_way boolean) LANGUAGE plpgsql AS $$
DECLARE
  used integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(for_account, 0));
  SELECT count(*), min(reserved_at) + within, coalesce(bool_or(failed_at IS NULL AND reserved_at > now() - lost_after), false)
    INTO used, free_at, under_way
    FROM login_reservations WHERE account = for_account AND reserved_at > now() - within;
  IF used < allowed THEN
    INSERT INTO login_reservations (id, account) VALUES (new_id, for_account);
    reserved := new_id;
  END IF;
END $$;
