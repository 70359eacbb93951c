/** Operations as a large installation has them after two years, made inside the database: the same rows every time. */
import type postgres from "postgres";
import { OPERATION_KINDS } from "../contracts/states.ts";

export interface DataOptions {
  readonly rows: number;
  say(text: string): void;
}

/** Rows of one statement. */
const BATCH = 500_000;

/** Raised whenever the rows come out otherwise: data of another version is made anew. */
export const DATA_VERSION = 1;

/** Operations, attempts and their indexes: what was seen at ten million, rounded up. */
export const BYTES_PER_ROW = 1800;

/**
 * Fills a migrated, empty database. Indexes are dropped first and made again afterwards.
 */
export async function fill(sql: postgres.Sql, { rows, say }: DataOptions): Promise<void> {
  // No triggers and no foreign keys while rows are made: this is no client at work but a table being laid out.
  await sql`set session_replication_role = replica`;
  await sql`set synchronous_commit = off`;
  await sql`set maintenance_work_mem = '1GB'`;
  await sql`set work_mem = '256MB'`;
  const indexes = await dropIndexes(sql);
  await makeTargets(sql, credentialsOf(rows));
  for (let from = 1; from <= rows; from += BATCH) {
    const to = Math.min(rows, from + BATCH - 1);
    say(`  rows up to ${to.toLocaleString("en")}`);
    await makeOperations(sql, { from, to, rows });
    await makeAttempts(sql, from, to);
  }
  await sql`select setval('operations_code_seq', ${rows})`;
  await sql`insert into operation_counts (state, site, count) select state, site, count(*) from operations group by 1, 2`;
  await sql`insert into requesters select distinct requested_by from operations on conflict do nothing`;
  for (const { name, definition } of indexes) {
    say(`  index ${name}`);
    await sql.unsafe(definition);
  }
  say("  vacuum and statistics");
  await sql`alter table attempts set (fillfactor = 70)`;
  await sql`vacuum (analyze) operations`;
  await sql`vacuum (analyze) attempts`;
  await sql`vacuum (analyze) target_snapshots`;
  await sql`analyze`;
  await sql`checkpoint`;
}

/** Accounts that so many operations are spread over. */
function credentialsOf(rows: number): number {
  return Math.max(5000, Math.round(rows / 250) * 5);
}

async function dropIndexes(sql: postgres.Sql): Promise<{ name: string; definition: string }[]> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class t on t.oid = i.indrelid
    where t.relname in ('operations', 'attempts', 'target_snapshots') and not i.indisprimary
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`;
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  return indexes;
}

/** Devices with skewed sites and makes, five accounts on each, and what targets looked like before and after an edit. */
async function makeTargets(sql: postgres.Sql, credentials: number): Promise<void> {
  await sql.unsafe(`
    create function bench_u(n bigint, salt int) returns float8 language sql immutable parallel safe
      return (hashint8extended(n, salt) & 9223372036854775807)::float8 / 9223372036854775807`);
  await sql`
    create table bench_devices as
    select n as number, uuidv7() as id, (n % 10)::int as family,
      (array['fra', 'lon', 'nyc', 'sao', 'sin', 'ams', 'syd', 'tok', 'par', 'mad', 'waw', 'dub', 'zrh', 'vie', 'mil',
        'osl', 'hel', 'rix', 'tor', 'chi', 'mex', 'bog', 'dxb', 'bom'])[1 + floor(24 * bench_u(n, 1) ^ 2)::int] as site,
      (array['erp', 'crm', 'mail', 'web', 'file', 'auth', 'bi', 'log', 'mon', 'vpn', 'hr', 'fin', 'shop', 'scm', 'lab',
        'build'])[1 + floor(16 * bench_u(n, 2) ^ 1.5)::int] as purpose,
      floor(10 * bench_u(n, 3) ^ 2)::int as generation,
      array(select distinct (array['prod', 'test', 'dmz', 'pci', 'critical', 'legacy', 'cloud', 'backup', 'Tier0', 'sox',
        'hipaa', 'edge', 'core', 'vendor', 'lab', 'retire', 'vip', 'ot', 'gdpr', 'dr'])[1 + floor(20 * bench_u(n, 10 + t) ^ 3)::int]
        from generate_series(1, floor(4 * bench_u(n, 4))::int) t) as tags
    from generate_series(1::bigint, ${Math.ceil(credentials / 5)}::bigint) n`;
  await sql`alter table bench_devices add primary key (number)`;
  await sql`
    insert into devices (id, name, address, manufacturer, model, type, site, domain, url, tags)
    select id, (array['lnx', 'lnx', 'lnx', 'lnx', 'win', 'win', 'ora', 'pgs', 'sw', 'app'])[family + 1] || '-' || purpose || '-' || lpad(number::text, 5, '0'),
      '10.' || number / 65536 || '.' || number / 256 % 256 || '.' || number % 256,
      (array['Red Hat', 'Canonical', 'SUSE', 'Debian', 'Microsoft', 'Microsoft', 'Oracle', 'PostgreSQL', 'Cisco', 'SAP'])[family + 1],
      (array['RHEL', 'Ubuntu', 'SLES', 'Debian', 'Server', 'Windows', 'Database', 'PostgreSQL', 'Catalyst', 'NetWeaver'])[family + 1] || ' ' || 20 - generation,
      (array['server', 'server', 'server', 'server', 'server', 'workstation', 'database', 'database', 'network', 'application'])[family + 1],
      site, site || '.corp.example',
      case when family = 9 then 'https://' || purpose || number || '.' || site || '.corp.example/login' else '' end, tags
    from bench_devices`;
  await sql`
    create table bench_credentials as
    select n, uuidv7() as id, d.id as device_id, (1 + (n - 1) / 5) as device, d.site,
      case when n % 5 = 0 then (array['root', 'root', 'root', 'root', 'Administrator', 'Administrator', 'sys', 'postgres', 'admin', 'admin'])[d.family + 1]
        when n % 5 < 3 then 'svc-' || (array['backup', 'deploy', 'monitor', 'batch', 'report', 'sync', 'scan', 'agent'])[1 + floor(8 * bench_u(n, 5))::int] || n % 97
        else chr(97 + (n % 26)::int) || (array['smith', 'mueller', 'silva', 'tanaka', 'kowalski', 'rossi', 'dubois', 'jansen', 'novak', 'garcia', 'olsen', 'brown'])[1 + floor(12 * bench_u(n, 6))::int] || n % 13
      end as username
    from generate_series(1::bigint, ${credentials}::bigint) n join bench_devices d on d.number = 1 + (n - 1) / 5`;
  await sql`alter table bench_credentials add primary key (n)`;
  await sql`
    insert into credentials (id, device_id, plugin, username, additional_info)
    select id, device_id, 'linux', username, n::text from bench_credentials`;
  await sql`
    insert into target_snapshots (id, digest, username, domain, device, address, manufacturer, model, site, url, tags)
    select t.id, md5(t.id::text), c.username, '', d.name, d.address, d.manufacturer,
      d.model || case when t.id > ${credentials} then ' LTS' else '' end, d.site, d.url,
      case when t.id > ${credentials} then d.tags || 'moved'::text else d.tags end
    from (select n as id, n from generate_series(1::bigint, ${credentials}::bigint) n
      union all select ${credentials} + n / 5, n from generate_series(5::bigint, ${credentials}::bigint, 5) n) t
    join bench_credentials c using (n) join devices d on d.id = c.device_id order by t.id`;
  await sql`select setval('target_snapshots_id_seq', (select max(id) from target_snapshots))`;
  await sql`vacuum analyze bench_credentials`;
}

/** Newest last; the newest are still open. A few targets have most of the operations, and some devices most of the errors. */
async function makeOperations(sql: postgres.Sql, batch: { from: number; to: number; rows: number }): Promise<void> {
  const { from, to, rows } = batch;
  const credentials = credentialsOf(rows);
  const kinds = [...OPERATION_KINDS];
  await sql`
    insert into operations (code, kind, state, started_run, credential_id, open_credential_id, device_id, target_id, site,
      parent_code, trigger, requested_by, reason, priority, run_attempts, attempts, scheduled_for, due_at, waiting_for,
      wake_at, outcome, requested_at, executed_at, ended_at)
    select o.code, kind, state, 1, c.id, case when is_open then c.id end, c.device_id,
      case when o.c % 5 = 0 and o.code > ${rows}::bigint / 2 then ${credentials}::bigint + o.c / 5 else o.c end,
      c.site, case when kind = 'child-password-change' then o.code - 1 end,
      case when requester <> '' then 'request' else 'age' end, requester,
      case when bench_u(o.code, 7) < 0.1 then 'ticket ' || o.code else '' end, case when requester <> '' then 2 else 3 end,
      tries, tries, due, due, case when state = 'scheduled' then 'time' end, case when is_open then now() + interval '30 days' end,
      case when state = 'error' then (array['target.timeout', 'target.unreachable', 'change.unverified', 'auth.rejected'])[1 + floor(4 * bench_u(o.code, 8))::int]
        when state = 'expired' then 'approval.expired' end,
      requested, case when tries > 0 then due + interval '1 s' * (1 + 600 * bench_u(o.code, 9) ^ 4) end,
      case when not is_open then due + interval '1 s' * (5 + 900 * bench_u(o.code, 9) ^ 4) end
    from (
      select *, case when state in ('succeeded', 'error', 'running') then 1 + floor(3 * bench_u(code, 20) ^ (case state when 'error' then 1 else 12 end))::int else 0 end as tries,
        state in ('scheduled', 'awaiting-approval', 'running') as is_open,
        case when state = 'scheduled' then now() + interval '1 day' * 14 * bench_u(code, 21)
          when bench_u(code, 22) < 0.15 then least(requested + interval '1 day' * 4 * bench_u(code, 23) ^ 3, greatest(requested, now() - interval '1 hour')) else requested end as due
      from (
        select code, c, now() - interval '730 days' * (1 - ((code::float8 / ${rows}) ^ 0.8)) as requested,
          case when u < 0.72 then 'change-password' when u < 0.82 then 'child-password-change' when u < 0.9 then 'verify-password'
            when u < 0.92 then 'reconcile-password' else (${kinds}::text[])[1 + floor(18 * bench_u(code, 24))::int] end as kind,
          case when bench_u(code, 25) < 0.45 then '' else 'person' || lpad((floor(400 * bench_u(code, 26) ^ 3))::text, 3, '0') || '@corp.example' end as requester,
          case when code > ${rows}::bigint - 4000 then
              case when code % 40 = 0 then 'running' when code % 10 = 1 then 'awaiting-approval' else 'scheduled' end
            when (c / 5) % 20 = 7 and s < 0.4 then 'error' when s < 0.04 then 'error' when s < 0.07 then 'canceled' when s < 0.085 then 'expired'
            else 'succeeded' end as state
        from (
          select code, bench_u(code, 27) as u, bench_u(code, 28) as s,
            case when code > ${rows}::bigint - 4000 then 1 + (code * 7) % ${credentials}::bigint
              else 1 + (floor(${credentials} * bench_u(code, 29) ^ 2)::bigint * 7919) % ${credentials}::bigint end as c
          from generate_series(${from}::bigint, ${to}::bigint) code) g) h) o
    join bench_credentials c on c.n = o.c
    order by o.code`;
}

async function makeAttempts(sql: postgres.Sql, from: number, to: number): Promise<void> {
  await sql`alter table attempts set (fillfactor = 100)`;
  await sql`
    insert into attempts (operation_code, number, run, epoch, credential_id, device_id, plugin, authenticator_id, worker,
      started_at, permit, sent_at, ended_at, outcome, detail, steps)
    select code, number, 1, code * 4 + number, credential_id, device_id, 'linux', credential_id, 'worker-' || code % 4,
      started, state = 'running' and number = attempts, started + interval '300 ms',
      case when state = 'running' and number = attempts then null else started + interval '900 ms' end,
      case when number < attempts then 'target.timeout' when state = 'running' then null when state = 'succeeded' then 'change.succeeded' else outcome end,
      case when number < attempts or state = 'error' then 'no answer from ' || device_id else '' end,
      jsonb_build_array(jsonb_build_object('step', 'precheck', 'startedAt', started, 'ms', 210),
        jsonb_build_object('step', 'apply', 'startedAt', started, 'ms', 340), jsonb_build_object('step', 'verify', 'startedAt', started, 'ms', 190))
    from (select code, number, credential_id, device_id, attempts, state, outcome, executed_at - interval '5 minutes' * (attempts - number) as started
      from operations, generate_series(1, attempts) number where code between ${from} and ${to}) a order by code, number`;
}
