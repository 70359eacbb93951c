/** A change whose password never arrived: told as not applied, unless old passwords linger on that device. */
import { sql } from "drizzle-orm";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { ActivityDeps } from "../../activities/deps.ts";
import { change } from "../../activities/change.ts";
import { probe } from "../../activities/probe.ts";
import { SessionPool } from "../../activities/sessions.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { type Plugin, PluginFailure, type Session } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

const running = { heartbeat: () => {}, heartbeatMs: 1000, limitMs: 60_000 };
const HOUR_MS = 3_600_000;

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

/** The real plugin, but what it sends is lost; and old passwords linger where the device's settings say so. */
function losing(lingerMs: NonNullable<Plugin["lingerMs"]>): Plugin {
  const base = findPlugin("postgresql");
  if (!base) throw new Error("there is no plugin");
  const session: Session = {
    async apply(_change, _call, pointOfNoReturn) {
      await pointOfNoReturn();
      throw new PluginFailure("target.connection-lost");
    },
    reusable: () => false,
    close: async () => {},
    destroy: () => {},
  };
  return { ...base, lingerMs, open: async () => session };
}

async function lookInto(plugin: Plugin) {
  const deps: ActivityDeps = {
    db: estate.db,
    vault: estate.vault,
    log: pino({ level: "silent" }),
    worker: "test",
    sessions,
    settings: () => readSettings(estate.db),
    findPlugin: (kind) => (kind === plugin.kind ? plugin : findPlugin(kind)),
    wake: async () => {},
  };
  const { credentialId } = await addAccount(estate, target, await addTarget(estate, target));
  const [code = 0] = await estate.request(credentialId);
  expect(await change(deps, { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  await estate.db.execute(sql`update attempts set lease_until = now() - interval '1 hour'`);
  return probe(deps, { code, run: 1 }, running);
}

it("is not applied where the old password stops at once", async () => {
  expect(await lookInto(losing(() => 0))).toMatchObject({ kind: "failed", code: "change.not-applied" });
});

it("stays in doubt where it does not, as that device's own settings say", async () => {
  const asked: unknown[] = [];
  const plugin = losing((settings) => {
    asked.push(settings);
    return HOUR_MS;
  });
  expect(await lookInto(plugin)).toMatchObject({ kind: "undecided" });
  expect(asked).toContainEqual(expect.objectContaining({ tls: expect.any(String) as string }));
});
