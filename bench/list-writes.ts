import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { openDatabase } from "../db/client.ts";
import { findOperations } from "../db/queries/operations-list/find.ts";
import type { Mix } from "./list-mixes.ts";
import { load } from "./load.ts";
import type { Measured } from "./stats.ts";

export interface WritesResult {
  /** Operations from request to success, by the statements a change makes, with nothing else going on. */
  readonly alone: Measured;
  /** The same while two readers turn pages without a pause. */
  readonly withReaders: Measured;
  readonly pages: number;
  /** Share of updates of a phase alone that touched no index. */
  readonly hotPhases: number;
}

const LIFECYCLES = 2000;
const LANES = 8;
const READERS = 2;
const PHASES = 2000;
/** By then the server has ended the connections that the driver has. */
const FLUSHED_MS = 1000;

interface Place {
  readonly credential_id: string;
  readonly device_id: string;
  readonly target_id: string;
  readonly site: string;
}

/** Writes operations and takes them away again: the next run finds the data as it was. */
export async function measureWrites(url: string, rows: number, mixes: readonly Mix[]): Promise<WritesResult> {
  try {
    const lifecycles = await connected(url, (sql) => measureLifecycles(sql, { url, rows, mixes }));
    return { ...lifecycles, hotPhases: await measurePhases(url) };
  } finally {
    await connected(url, async (sql) => {
      await sql`delete from attempts where operation_code > ${rows}`;
      await sql`delete from operations where code > ${rows}`;
      await sql`delete from operation_events`;
      await sql`delete from operation_counts`;
      await sql`insert into operation_counts select state, site, count(*) from operations group by 1, 2`;
    });
  }
}

async function connected<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: LANES, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

async function measureLifecycles(
  sql: postgres.Sql,
  { url, rows, mixes }: { url: string; rows: number; mixes: readonly Mix[] },
) {
  const places = await sql<Place[]>`
    select distinct on (credential_id) credential_id, device_id, target_id, site from operations
    where code > ${rows} - 200000 and credential_id not in (
      select open_credential_id from operations where open_credential_id is not null)
    order by credential_id, code limit ${LIFECYCLES}`;
  const run = () => load(places, LANES, (place) => lifecycle(sql, place));
  await run();
  const alone = await run();
  const reading = new AbortController();
  const readers = Array.from({ length: READERS }, (_, number) => read(url, mixes.slice(number), reading.signal));
  const withReaders = await run();
  reading.abort();
  const pages = (await Promise.all(readers)).reduce((sum, count) => sum + count, 0);
  return { alone, withReaders, pages };
}

/** The statements on these tables that one change makes, each transaction of its own. */
async function lifecycle(sql: postgres.Sql, { credential_id, device_id, target_id, site }: Place): Promise<void> {
  const [row] = await sql<{ code: string }[]>`
    insert into operations (kind, state, credential_id, open_credential_id, device_id, target_id, site, trigger,
      requested_by, wake_at, waiting_for)
    values ('change-password', 'scheduled', ${credential_id}, ${credential_id}, ${device_id}, ${target_id}, ${site},
      'request', 'person001@corp.example', now(), 'queue') returning code`;
  const code = row?.code ?? "0";
  await sql`update operations set started_run = run where code = ${code}`;
  await sql.begin(async (tx) => {
    await tx`select * from operations where code = ${code} for update`;
    await tx`insert into attempts (operation_code, number, run, epoch, credential_id, device_id, plugin, authenticator_id, worker)
      values (${code}, 1, 1, nextval('epochs'), ${credential_id}, ${device_id}, 'linux', ${credential_id}, 'bench')`;
    await tx`update operations set state = 'running', phase = 'staged', attempts = 1, run_attempts = 1, waiting_for = null,
      authenticator_id = ${credential_id}, executed_at = now(), wake_at = now() + interval '5 minutes' where code = ${code}`;
  });
  await sql`update attempts set sent_at = now(), lease_until = now() where operation_code = ${code} and number = 1`;
  await sql.begin(async (tx) => {
    await tx`select * from operations where code = ${code} for update`;
    await tx`update attempts set ended_at = now(), permit = false, outcome = 'change.succeeded' where operation_code = ${code} and number = 1`;
    await tx`update operations set state = 'succeeded', outcome = null, phase = null, open_credential_id = null,
      waiting_for = null, wake_at = null, ended_at = now() where code = ${code}`;
  });
}

async function read(url: string, mixes: readonly Mix[], signal: AbortSignal): Promise<number> {
  const { db, close } = openDatabase(url, { connections: 2, name: "keyturn bench reader" });
  let pages = 0;
  for (; !signal.aborted; pages += 1) {
    const mix = mixes[pages % mixes.length];
    if (mix) await findOperations(db, mix.filter, { sort: mix.sort, after: undefined, limit: 51 });
  }
  await close();
  return pages;
}

/** Updates of a phase, of operations that were just written. A connection tells its counts when it ends. */
async function measurePhases(url: string): Promise<number> {
  const updates = () =>
    connected(url, async (sql) => {
      const [row] = await sql<{ all: number; hot: number }[]>`
        select n_tup_upd::float8 as all, n_tup_hot_upd::float8 as hot from pg_stat_user_tables where relname = 'operations'`;
      return row ?? { all: 0, hot: 0 };
    });
  await sleep(FLUSHED_MS);
  const before = await updates();
  await connected(url, async (sql) => {
    const codes = await sql<{ code: string }[]>`select code from operations order by code desc limit ${PHASES}`;
    await load([...codes], LANES, async ({ code }) => {
      await sql`update operations set phase = 'verifying', probes = probes + 1 where code = ${code}`;
    });
  });
  await sleep(FLUSHED_MS);
  const after = await updates();
  return (after.hot - before.hot) / (after.all - before.all);
}
