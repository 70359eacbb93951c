/** A reconciliation through a plugin that knows another kind of account: only the credential's own plugin proves anything. */
import { eq, sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { change } from "../../activities/change.ts";
import { probe } from "../../activities/probe.ts";
import { passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { requestReconciliation } from "../../db/queries/reconcile.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { settle } from "../../db/queries/settle.ts";
import * as schema from "../../db/schema/index.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { postgresqlThat, running, standOnPostgres } from "./without-worker.ts";

const ground = standOnPostgres();

/** Works, as it says itself, on accounts that have nothing to do with those of the database. */
function elsewhere(verdict: "accepted" | "rejected"): Plugin {
  const plugin = postgresqlThat(async (_change, _call, pointOfNoReturn) => pointOfNoReturn());
  return {
    ...plugin,
    kind: "elsewhere",
    verify: async () => ({ verdict, code: `verify.${verdict}` }),
    capabilities: { ...plugin.capabilities, settleMs: 0 },
  };
}

/** A role of the database, and a second account that changes it through the other plugin. */
async function addReconciled() {
  const { estate, target } = ground;
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
  return (await ground.estate.db.transaction((tx) => requestReconciliation(tx, request))).code;
}

it("a password that only the other plugin accepts does not become current", async () => {
  const { estate } = ground;
  const account = await addReconciled();
  const other = elsewhere("accepted");
  const code = await reconcile(account.credentialId, other);
  expect(await change(ground.deps(other), { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  expect(await estate.currentPassword(account.credentialId)).toBe(account.password);
});

it("a live password that the other plugin rejects is found and promoted", async () => {
  const { estate, target } = ground;
  const account = await addReconciled();
  const other = elsewhere("rejected");
  const deps = ground.deps(other);
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
  const { estate } = ground;
  const account = await addReconciled();
  const other = elsewhere("rejected");
  const [first = 0] = await estate.request(account.credentialId);
  // The own plugin, but it tells of no log-in, and what it sends gets lost.
  const deaf = { ...elsewhere("rejected"), kind: "postgresql" };
  const lost = ground.deps({ ...deaf, verify: async () => ({ verdict: "unknown", code: "target.timeout" }) });
  expect(await change(lost, { code: first, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  const [{ epoch } = { epoch: 0 }] = await estate.attempts(first);
  const settings = await readSettings(estate.db);
  await settle(estate.db, { code: first, run: 1, epoch, reason: "change.unverified", settings });
  const code = await reconcile(account.credentialId, other);
  expect(await change(ground.deps(other), { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  await estate.db.execute(sql`update attempts set lease_until = now() - interval '1 minute' where sent_at is not null`);
  const settleMs = (plugin: string) => (plugin === "postgresql" ? 3_600_000 : 0);
  const taken = await takeOver(estate.db, { code, run: 1, settleMs, wakeInMs: 1000 });
  expect(taken).toMatchObject({ kind: "taken", attempt: { everSent: true, quiet: false } });
});
