/** Drift checks: what was changed behind Keyturn's back is found, once a day, and nothing else is disturbed. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import { storePassword } from "../../db/queries/secrets.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import type { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { TestWorker } from "../helpers/worker.ts";
import { checkDriftNow, lastCheck, nextDay, openDriftEstate } from "./drift-sweep.ts";
import { openLinuxTarget } from "./linux-target.ts";
import { addAccount, addAccounts, addTarget, type OpenTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

let estate: Estate;
let worker: TestWorker;
afterEach(async () => {
  await worker.kill();
  await estate.close();
});

function findsDrift(open: OpenTarget) {
  let target: Awaited<ReturnType<OpenTarget>>;
  beforeAll(async () => {
    target = await open();
  });
  afterAll(() => target.close());
  beforeEach(async () => {
    estate = await openDriftEstate();
    worker = await TestWorker.start(estate.surroundings);
  });

  it("finds a password that was changed behind its back, says since when, and checks nothing twice a day", async () => {
    const place = await addTarget(estate, target);
    const [kept, changed] = await addAccounts(estate, target, place, 2);
    if (!kept || !changed) throw new Error("no accounts");
    await target.setPassword(changed.username, "Some-body-3lse");
    expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 1, unknown: 0 });
    expect(await lastCheck(estate, kept.credentialId)).toMatchObject({ verdict: "accepted", code: "verify.accepted" });
    const found = await lastCheck(estate, changed.credentialId);
    expect(found).toMatchObject({ verdict: "rejected", code: "verify.rejected", attention: null });
    expect(found.since).toEqual(found.at);
    expect(await checkDriftNow(estate)).toEqual({ accepted: 0, rejected: 0, unknown: 0 });

    await nextDay(estate);
    expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 1, unknown: 0 });
    const again = await lastCheck(estate, changed.credentialId);
    expect(again.since, "since the first of the checks that say so").toEqual(found.since);
    const audit = await estate.db.select().from(schema.audit).where(eq(schema.audit.objectId, changed.credentialId));
    expect(audit.map(({ action, details }) => ({ action, details }))).toEqual(
      Array(2).fill({ action: "credential.drift-found", details: { code: "verify.rejected" } }),
    );
    const events = await estate.db.select().from(schema.outbox);
    expect(events.map(({ event, payload }) => ({ event, payload }))).toEqual([
      { event: "credential.drift-found", payload: { credentialId: changed.credentialId, code: "verify.rejected" } },
    ]);

    await nextDay(estate);
    await target.setPassword(changed.username, changed.password);
    expect(await checkDriftNow(estate)).toEqual({ accepted: 2, rejected: 0, unknown: 0 });
    const mended = await lastCheck(estate, changed.credentialId);
    expect(mended).toMatchObject({ verdict: "accepted" });
    expect(mended.since).toEqual(mended.at);
  });
}

describe("on PostgreSQL", () => findsDrift(() => openPostgresTarget("own")));
describeAsRoot("on sshd", ["openssh-server"], () => findsDrift(() => openLinuxTarget("own")));

describe("among others", () => {
  let target: Awaited<ReturnType<typeof openPostgresTarget>>;
  beforeAll(async () => {
    target = await openPostgresTarget("own");
  });
  afterAll(() => target.close());

  /** A device that takes connections and never says a word. */
  async function openSilentDevice() {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
      port: (server.address() as { port: number }).port,
      connections: () => sockets.size,
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  it("devices that hang and sites without a worker hold nobody up", async () => {
    estate = await openDriftEstate({ connectTimeoutSeconds: 3, readTimeoutSeconds: 3 });
    worker = await TestWorker.start(estate.surroundings);
    const silent = await openSilentDevice();
    try {
      for (let number = 0; number < 9; number += 1) {
        const deviceId = await estate.addDevice({ address: "127.0.0.1", port: silent.port });
        for (const username of ["first", "second"])
          await estate.addCredential({ deviceId, plugin: "postgresql", username, password: "kept" });
      }
      const far = await estate.addDevice({ address: "127.0.0.1", port: silent.port, site: "far" });
      await estate.addCredential({ deviceId: far, plugin: "postgresql", username: "x", password: "kept" });
      // The default limit of a small site is ten: enough for the devices that hang and one that does not.
      const account = await addAccount(estate, target, await addTarget(estate, target));
      expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 0, unknown: 9 });
      expect(silent.connections(), "one log-in on each device, and no second where the first hung").toBe(9);
      expect(await lastCheck(estate, account.credentialId)).toMatchObject({ verdict: "accepted" });
      const budget = await estate.db.select().from(schema.loginReservations);
      expect(budget, "what says nothing of a password uses up nothing").toEqual([]);
    } finally {
      silent.close();
    }
  });

  it("leaves alone what is off, changing, in attention, or has used up its log-ins", async () => {
    estate = await openDriftEstate();
    worker = await TestWorker.start(estate.surroundings);
    const place = await addTarget(estate, target);
    const accounts = await addAccounts(estate, target, place, 6);
    const [inactive = "", byHand = "", attention = "", changing = "", used = "", checked = ""] = accounts.map(
      ({ credentialId }) => credentialId,
    );
    const set = (id: string, values: Partial<typeof schema.credentials.$inferInsert>) =>
      estate.db.update(schema.credentials).set(values).where(eq(schema.credentials.id, id));
    await set(inactive, { active: false });
    await set(byHand, { automaticChange: false });
    await set(attention, { attention: "change.unverified" });
    const key = `${place.deviceId}/${accounts[4]?.username}`;
    await estate.db.insert(schema.loginReservations).values(
      ["1", "2"].map((digit) => ({
        id: `00000000-0000-4000-8000-00000000000${digit}`,
        account: key,
        failed: new Date(),
      })),
    );
    await estate.db.transaction((tx) =>
      requestChanges(tx, {
        credentialIds: [changing],
        scheduledFor: new Date(Date.now() + 3_600_000),
        reason: "later",
        actor: { actor: "test" },
        plugins: PLUGINS,
      }),
    );

    expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 0, unknown: 0 });
    expect((await lastCheck(estate, checked)).verdict).toBe("accepted");
    for (const id of [inactive, byHand, attention, changing, used])
      expect((await lastCheck(estate, id)).verdict, id).toBeNull();
    // It is due again once the budget frees, not a day later.
    await estate.db.delete(schema.loginReservations);
    const hours = sql<number>`extract(epoch from now() - ${schema.credentials.driftAt}) / 3600`.mapWith(Number);
    const [put] = await estate.db.select({ hours }).from(schema.credentials).where(eq(schema.credentials.id, used));
    expect(put?.hours).toBeGreaterThan(23);
    expect(put?.hours).toBeLessThan(24);
  });

  it("an answer about a password that was replaced meanwhile says nothing", async () => {
    estate = await openDriftEstate();
    worker = await TestWorker.start(estate.surroundings, ["drift-asked"]);
    const account = await addAccount(estate, target, await addTarget(estate, target));
    await target.setPassword(account.username, "Some-body-3lse");
    const pass = checkDriftNow(estate);
    await worker.reached("drift-asked");
    await estate.db.transaction((tx) =>
      storePassword(tx, {
        credentialId: account.credentialId,
        seal: (binding) => estate.vault.seal(new Secret("Some-body-3lse"), binding),
        reason: "seen",
        resolves: false,
        actor: { actor: "test" },
      }),
    );
    worker.go();
    expect(await pass).toEqual({ accepted: 0, rejected: 0, unknown: 0 });
    expect((await lastCheck(estate, account.credentialId)).verdict).toBeNull();
  });

  it.each(["drift-claimed", "drift-asked"] as const)(
    "a worker that dies at %s leaves nothing behind and the credential for the next day",
    async (moment) => {
      estate = await openDriftEstate();
      worker = await TestWorker.start(estate.surroundings, [moment]);
      const account = await addAccount(estate, target, await addTarget(estate, target));
      const pass = checkDriftNow(estate);
      await worker.reached(moment);
      await worker.kill();
      worker = await TestWorker.start(estate.surroundings);
      expect(await pass).toEqual({ accepted: 0, rejected: 0, unknown: 0 });
      expect(await checkDriftNow(estate), "not twice a day").toEqual({ accepted: 0, rejected: 0, unknown: 0 });
      expect((await lastCheck(estate, account.credentialId)).verdict).toBeNull();
      await nextDay(estate);
      expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 0, unknown: 0 });
    },
  );
});
