/** A reconciliation through a plugin that knows another kind of account: only the credential's own plugin proves anything. */
import { eq, sql } from "drizzle-orm";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { ActivityDeps } from "../../activities/deps.ts";
import { change } from "../../activities/change.ts";
import { probe } from "../../activities/probe.ts";
import { SessionPool } from "../../activities/sessions.ts";
import { passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { requestReconciliation } from "../../db/queries/reconcile.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { settle } from "../../db/queries/settle.ts";
import * as schema from "../../db/schema/index.ts";
import type { Plugin, Session } from "../../plugins/plugin.ts";
import { findPlugin, PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

const running = { heartbeat: () => {}, heartbeatMs: 1000, limitMs: 60_000 };

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

/** Works, as it says itself, on accounts that have nothing to do with those of the database. */
function elsewhere(verdict: "accepted" | "rejected"): Plugin {
  const base = findPlugin("postgresql");
  if (!base) throw new Error("there is no plugin");
  const session: Session = {
    apply: async (_change, _call, pointOfNoReturn) => pointOfNoReturn(),
    reusable: () => false,
    close: async () => {},
    destroy: () => {},
  };
  return {
    ...base,
    kind: "elsewhere",
    open: async () => session,
    verify: async () => ({ verdict, code: `verify.${verdict}` }),
    capabilities: { ...base.capabilities, settleMs: 0 },
  };
}

function makeDeps(other: Plugin): ActivityDeps {
  return {
    db: estate.db,
    vault: estate.vault,
    log: pino({ level: "silent" }),
    worker: "test",
    sessions,
    settings: () => readSettings(estate.db),
    findPlugin: (kind) => (kind === other.kind ? other : findPlugin(kind)),
    wake: async () => {},
  };
}

/** A role of the database, and a second account that changes it through the other plugin. */
async function addReconciled() {
  const place = await addTarget(estate, target);
  const account = await addAccount(estate, target, place);
  const second = await addAccount(estate, target, place);
  await estate.db
    .update(schema.credentials)
    .set({
      reconciliationEnabled: true,
      reconciliationCredentialId: second.credentialId,
      reconciliationPlugin: "elsewhere",
    })
    .where(eq(schema.credentials.id, account.credentialId));
  return account;
}

async function reconcile(credentialId: string, other: Plugin): Promise<number> {
  const request = {
    credentialId,
    reason: "",
    actor: { actor: "test", person: "tester" },
    plugins: [...PLUGINS, other],
  };
  return (await estate.db.transaction((tx) => requestReconciliation(tx, request))).code;
}

it("a password that only the other plugin accepts does not become current", async () => {
  const account = await addReconciled();
  const other = elsewhere("accepted");
  const code = await reconcile(account.credentialId, other);
  expect(await change(makeDeps(other), { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  expect(await estate.currentPassword(account.credentialId)).toBe(account.password);
});

it("a live password that the other plugin rejects is found and promoted", async () => {
  const account = await addReconciled();
  const other = elsewhere("rejected");
  const deps = makeDeps(other);
  const code = await reconcile(account.credentialId, other);
  expect(await change(deps, { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  const [attempt] = await estate.attempts(code);
  if (attempt) await passPointOfNoReturn(estate.db, { code, number: attempt.number, epoch: attempt.epoch }, 1);
  const candidate = (await estate.versions(account.credentialId)).at(-1);
  if (!candidate) throw new Error("no candidate");
  await target.setPassword(account.username, estate.open(candidate));
  await estate.db.execute(sql`update attempts set lease_until = now() - interval '1 hour'`);
  expect(await probe(deps, { code, run: 1 }, running)).toMatchObject({ kind: "succeeded" });
  expect((await estate.versions(account.credentialId)).at(-1)).toMatchObject({ id: candidate.id, status: "current" });
});

it("what was sent by the credential's own plugin has that one's time to take effect", async () => {
  const account = await addReconciled();
  const other = elsewhere("rejected");
  const [first = 0] = await estate.request(account.credentialId);
  // The own plugin, but it tells of no log-in, and what it sends gets lost.
  const deaf = { ...elsewhere("rejected"), kind: "postgresql" };
  const lost = makeDeps({ ...deaf, verify: async () => ({ verdict: "unknown", code: "target.timeout" }) });
  expect(await change(lost, { code: first, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  const [{ epoch } = { epoch: 0 }] = await estate.attempts(first);
  const settings = await readSettings(estate.db);
  await settle(estate.db, { code: first, run: 1, epoch, reason: "change.unverified", settings });
  const code = await reconcile(account.credentialId, other);
  expect(await change(makeDeps(other), { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  await estate.db.execute(sql`update attempts set lease_until = now() - interval '1 minute' where sent_at is not null`);
  const settleMs = (plugin: string) => (plugin === "postgresql" ? 3_600_000 : 0);
  const taken = await takeOver(estate.db, { code, run: 1, settleMs, wakeInMs: 1000 });
  expect(taken).toMatchObject({ kind: "taken", attempt: { everSent: true, quiet: false } });
});
