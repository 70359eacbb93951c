import { sql } from "drizzle-orm";
import { OPERATION_KINDS, OPERATION_STATES } from "../../contracts/states.ts";
import type { Database } from "../../db/client.ts";
import { newId } from "../../db/new-id.ts";

/** An operation as the tests see it: everything a list filters and sorts by. Times are microseconds since 1970. */
export interface Row {
  readonly code: number;
  readonly state: string;
  readonly kind: string;
  readonly credential_id: string;
  readonly device_id: string;
  readonly parent_code: number | null;
  readonly requested_by: string;
  readonly due: number;
  readonly executed: number | null;
  readonly attempts: number;
  readonly username: string;
  readonly device: string;
  readonly address: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly site: string;
  readonly url: string;
  readonly tags: readonly string[];
}

const DAY_S = 86_400;
const SITES = ["fra", "lon", "nyc", "Default"];

/**
 * Writes operations of two months with their attempts, as different as they can be: planned ahead, late, waiting for
 * another attempt after one, never executed, many at the very same moment.
 */
export async function makeOperations(db: Database, count: number, random: () => number): Promise<Row[]> {
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const devices = Array.from({ length: 14 }, (_, index) => ({
    id: newId(),
    name: `${pick(["lnx", "WIN", "db"])}-${pick(["erp", "Crm", "50%_off"])}-${index}`,
    address: `10.0.${below(3)}.${index}`,
    manufacturer: pick(["Cisco", "Oracle", "Red Hat", ""]),
    model: pick(["RHEL 9", "Catalyst 20", "X\\1"]),
    // In turn, not at random: a test that filters by one of them must find some under every seed.
    site: SITES[index % SITES.length],
    url: pick(["", "https://portal.example/login", "https://Admin.example"]),
    tags: ["prod", "DMZ", "pci", "a,b"].filter(() => random() < 0.4),
  }));
  const credentials = Array.from({ length: 60 }, (_, index) => ({
    id: newId(),
    device: pick(devices),
    username: `${pick(["root", "svc-Backup", "jsmith", "o'neil"])}${index % 7}`,
  }));
  await db.execute(sql`
    insert into devices (id, name, address, manufacturer, model, site, url, tags)
    select id, name, address, manufacturer, model, site, url, tags from jsonb_to_recordset(${JSON.stringify(devices)}::jsonb)
      as d(id uuid, name text, address text, manufacturer text, model text, site text, url text, tags text[])`);
  const targets = credentials.map(({ id, device, username }, index) => ({
    ...device,
    id,
    username,
    deviceId: device.id,
    index,
  }));
  await db.execute(sql`
    insert into credentials (id, device_id, plugin, username, additional_info)
    select id, "deviceId", 'plain', username, index::text from jsonb_to_recordset(${JSON.stringify(targets)}::jsonb)
      as c(id uuid, "deviceId" uuid, username text, index int)`);
  await db.execute(sql`
    insert into target_snapshots (digest, username, domain, device, address, manufacturer, model, site, url, tags)
    select id, username, '', name, address, manufacturer, model, site, url, tags
    from jsonb_to_recordset(${JSON.stringify(targets)}::jsonb) as t(id text, username text, name text, address text,
      manufacturer text, model text, site text, url text, tags text[])`);
  const start = Date.UTC(2026, 2, 1) / 1000;
  const operations = Array.from({ length: count }, (_, index) => {
    const credential = credentials[Math.floor(random() ** 2 * credentials.length)] ?? pick(credentials);
    const requested = start + Math.floor((index / count) * 60 * DAY_S);
    const due = requested + (random() < 0.3 ? Math.floor(random() ** 2 * 12 * DAY_S) : 0);
    const style = random();
    const executed =
      style < 0.2
        ? null
        : style < 0.25
          ? requested + Math.floor((due - requested) * random())
          : style < 0.32
            ? due + Math.floor(random() * 9 * DAY_S)
            : due + below(3) + (random() < 0.5 ? random() : 0);
    return {
      kind: random() < 0.7 ? "change-password" : pick(OPERATION_KINDS),
      state: random() < 0.6 ? "succeeded" : pick(OPERATION_STATES),
      credential: credential.id,
      device: credential.device.id,
      site: credential.device.site,
      parent: random() < 0.1 && index > 0 ? index : null,
      requester: pick(["Ada", "ada.lovelace@example", "Bob", "", "O'Neil"]),
      requested,
      due,
      executed,
      attempts: executed === null ? 0 : 1 + below(3),
    };
  });
  await db.execute(sql`
    insert into operations (kind, state, started_run, credential_id, device_id, target_id, site, parent_code, trigger,
      requested_by, requested_at, scheduled_for, due_at, executed_at, attempts)
    select kind, state, 1, credential, o.device, t.id, o.site, parent, 'request', requester, to_timestamp(requested),
      to_timestamp(due), to_timestamp(due), to_timestamp(executed), attempts
    from jsonb_to_recordset(${JSON.stringify(operations)}::jsonb) as o(kind text, state text, credential uuid, device uuid,
      site text, parent bigint, requester text, requested float8, due float8, executed float8, attempts int)
    join target_snapshots t on t.digest = o.credential::text order by requested`);
  await db.execute(sql`
    insert into attempts (operation_code, number, run, epoch, credential_id, device_id, plugin, authenticator_id, worker,
      started_at, permit, ended_at, outcome, detail)
    select code, number, 1, code * 4 + number, credential_id, device_id, 'plain', credential_id, 'worker',
      executed_at - interval '5 minutes' * (attempts - number), false,
      executed_at - interval '5 minutes' * (attempts - number) + interval '1 s',
      case when number < attempts then 'target.timeout' when state = 'succeeded' then 'change.succeeded'
        when state = 'error' then 'auth.rejected' end, 'said ' || code
    from operations, generate_series(1, attempts) number`);
  await db.execute(sql`analyze`);
  return readRows(db);
}

/** All operations, by one plain query that no list uses. */
async function readRows(db: Database): Promise<Row[]> {
  const rows = await db.execute<{ [Name in keyof Row]: unknown }>(sql`
    select o.code::int, o.state, o.kind, o.credential_id, o.device_id, o.parent_code::int, o.requested_by, o.attempts,
      (extract(epoch from o.due_at) * 1000000)::float8 as due, (extract(epoch from o.executed_at) * 1000000)::float8 as executed,
      t.username, t.device, t.address, t.manufacturer, t.model, t.site, t.url, t.tags
    from operations o join target_snapshots t on t.id = o.target_id`);
  return rows as unknown as Row[];
}
