/** A change's activities, called without a worker on a real PostgreSQL, where one plugin is another than the real one. */
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { ActivityDeps } from "../../activities/deps.ts";
import { SessionPool } from "../../activities/sessions.ts";
import { readSettings } from "../../db/queries/settings.ts";
import type { Plugin, Session } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import type { MatrixTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

/** What Temporal would give to the activity. */
export const running = { heartbeat: () => {}, heartbeatMs: 1000, limitMs: 60_000 };

interface Ground {
  readonly target: MatrixTarget;
  readonly estate: Estate;
  deps(instead: Plugin): ActivityDeps;
}

/** What an activity works with, where one plugin stands for its kind. */
export function depsOf(estate: Estate, instead: Plugin, sessions = new SessionPool()): ActivityDeps {
  return {
    db: estate.db,
    vault: estate.vault,
    log: pino({ level: "silent" }),
    worker: "test",
    sessions,
    settings: () => readSettings(estate.db),
    findPlugin: (kind) => (kind === instead.kind ? instead : findPlugin(kind)),
    wake: async () => {},
  };
}

/** One server for the file, and an estate for each of its tests. */
export function standOnPostgres(): Ground {
  let target: Awaited<ReturnType<typeof openPostgresTarget>>;
  let estate: Estate;
  let sessions: SessionPool;
  beforeAll(async () => {
    target = await openPostgresTarget("own");
  });
  afterAll(() => target.close());
  beforeEach(async () => {
    estate = await Estate.open();
    sessions = new SessionPool();
  });
  afterEach(async () => {
    await sessions.close();
    await estate.close();
  });
  return {
    get target() {
      return target;
    },
    get estate() {
      return estate;
    },
    deps: (instead) => depsOf(estate, instead, sessions),
  };
}

/** The real plugin, but for what its sessions send. */
export function postgresqlThat(apply: Session["apply"]): Plugin {
  const base = findPlugin("postgresql");
  if (!base) throw new Error("there is no plugin");
  const session: Session = { apply, reusable: () => false, close: async () => {}, destroy: () => {} };
  return { ...base, open: async () => session };
}
