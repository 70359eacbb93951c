/** How changes end when the device or the stored password is not as expected. */
import { Client, Connection } from "@temporalio/client";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { REPAIR_SCHEDULE } from "../../contracts/ids.ts";
import * as schema from "../../db/schema/index.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addAccounts, addTarget, type Place } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

/** Runs the repair sweep at once instead of at the next full minute. */
async function sweepNow({ surroundings: { temporal } }: Estate): Promise<void> {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  await client.schedule.getHandle(REPAIR_SCHEDULE).trigger();
  await connection.close();
}

let estate: Estate;
let worker: TestWorker;

beforeEach(async () => {
  estate = await Estate.open();
  worker = await TestWorker.start(estate.surroundings);
});
afterEach(async () => {
  await worker.kill();
  await estate.close();
});

describe("on PostgreSQL", () => {
  let target: Awaited<ReturnType<typeof openPostgresTarget>>;
  beforeAll(async () => {
    target = await openPostgresTarget("administrator");
  });
  afterAll(() => target.close());

  async function changeAll(place: Place, count: number) {
    const accounts = await addAccounts(estate, target, place, count);
    const codes = await estate.request(...accounts.map(({ credentialId }) => credentialId));
    return accounts.map((account, index) => ({ account, code: codes[index] ?? 0 }));
  }

  it("never runs more changes on a device than it permits, and parks the others without polling", async () => {
    const place = await addTarget(estate, target);
    await estate.setPermits(place.deviceId, 1);
    const changes = await changeAll(place, 8);
    for (const { account, code } of changes) {
      await estate.until(code);
      await proveNothingLost(estate, target, { code, account, mustSucceed: true });
    }
    const attempts = (await estate.db.select().from(schema.attempts)).toSorted(
      (a, b) => a.startedAt.getTime() - b.startedAt.getTime(),
    );
    for (const [index, attempt] of attempts.entries()) {
      const next = attempts[index + 1];
      if (next) expect(next.startedAt.getTime()).toBeGreaterThanOrEqual(attempt.endedAt?.getTime() ?? Infinity);
    }
  });

  it("a rejected shared authenticator fails one change and lets the others wait behind it", async () => {
    const place = await addTarget(estate, target);
    const version = eq(schema.secretVersions.credentialId, place.administratorId ?? "");
    await estate.db.delete(schema.secretVersions).where(version);
    await estate.storeVersion(place.administratorId ?? "", "not-its-password");
    const changes = await changeAll(place, 5);
    const ended = async () => Promise.all(changes.map(({ code }) => estate.operation(code)));
    await expect
      .poll(async () => (await ended()).filter(({ state }) => state === "error").length, { timeout: 120_000 })
      .toBeGreaterThanOrEqual(1);
    const waits = ["authenticator", "login-budget"];
    const waiting = async () => (await ended()).filter(({ waitingFor }) => waits.includes(waitingFor ?? "")).length;
    await expect.poll(waiting, { timeout: 120_000 }).toBeGreaterThanOrEqual(3);
    const failed = await estate.db.select().from(schema.loginReservations);
    expect(failed.length, "failed log-ins stay below a usual lock-out").toBeLessThanOrEqual(2);
  });

  it("a restarted worker takes up a run whose workflow was lost", async () => {
    const place = await addTarget(estate, target);
    const account = await addAccount(estate, target, place);
    await worker.kill();
    const [code = 0] = await estate.request(account.credentialId);
    // As if a worker had claimed the row and died before it started the workflow, a while ago.
    await estate.db
      .update(schema.operations)
      .set({ startedRun: 1, wakeAt: new Date(Date.now() - 600_000) })
      .where(eq(schema.operations.code, code));
    worker = await TestWorker.start(estate.surroundings);
    await sweepNow(estate);
    await estate.until(code);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
    expect((await estate.audit(code)).map(({ action }) => action)).toContain("repair.started");
  });
});

it("an account that logs in with a password being changed is tried again, not failed", async () => {
  // A server of its own: its administrator has another password afterwards.
  const target = await openPostgresTarget("administrator");
  try {
    const place = await addTarget(estate, target);
    const account = await addAccount(estate, target, place);
    await worker.kill();
    worker = await TestWorker.start(estate.surroundings, ["staged", "applied"]);
    const [code = 0] = await estate.request(account.credentialId);
    await worker.reached("staged");
    const [own = 0] = await estate.request(place.administratorId ?? "");
    await worker.reached("applied");
    worker.go("staged");
    await expect
      .poll(async () => (await estate.attempts(code))[0]?.outcome, { timeout: 120_000 })
      .toBe("auth.changing");
    worker.go("applied");
    expect((await estate.until(own)).state).toBe("succeeded");
    await estate.until(code);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  } finally {
    await target.close();
  }
});

it("a device that does not answer is tried again as often as the policy says, then it is an error", async () => {
  // Nothing listens there, and nothing will.
  const deviceId = await estate.addDevice({ address: "127.0.0.1", port: 1 });
  const credentialId = await estate.addCredential({
    deviceId,
    plugin: "postgresql",
    username: "nobody",
    password: "kept",
  });
  const [code = 0] = await estate.request(credentialId);
  const { state, outcome } = await estate.until(code);
  expect({ state, outcome }).toEqual({ state: "error", outcome: "target.unreachable" });
  expect((await estate.attempts(code)).map(({ outcome: each }) => each)).toEqual(Array(3).fill("target.unreachable"));
  expect(await estate.currentPassword(credentialId)).toBe("kept");
  const [, ...candidates] = await estate.versions(credentialId);
  for (const { status, sealed } of candidates)
    expect({ status, sealed }).toEqual({ status: "discarded", sealed: null });
});

describeAsRoot("on sshd", ["openssh-server", "libpam-google-authenticator"], () => {
  let target: SshTarget;
  const START = "Old-Start-1-zorba";
  const users = ["wrong", "strict"].map((name) => ({ name, password: START }));

  const RULES = (minlen: number) => `password required pam_unix.so obscure yescrypt minlen=${minlen}\n`;
  const add = async (username: string, password: string, server = target) => {
    const deviceId = await estate.addDevice({
      address: server.address,
      port: server.port,
      pinnedIdentity: server.fingerprint,
    });
    return estate.addCredential({ deviceId, plugin: "linux", username, password });
  };

  beforeAll(async () => {
    target = await startSshTarget({ users, files: { "pam.d/common-password": RULES(60) } });
  });
  afterAll(() => target.stop());

  it("a wrong stored password ends in auth.rejected after one failed log-in", async () => {
    const credentialId = await add("wrong", "not-the-password");
    const [code = 0] = await estate.request(credentialId);
    const { state, outcome } = await estate.until(code);
    expect({ state, outcome }).toEqual({ state: "error", outcome: "auth.rejected" });
    expect(await estate.attempts(code)).toHaveLength(1);
    expect((await target.log("sshd.log")).match(/Failed password for wrong/g)).toHaveLength(1);
    expect(await estate.currentPassword(credentialId)).toBe("not-the-password");
  });

  it("a refused password gets a new candidate, at most three times", async () => {
    const credentialId = await add("strict", START);
    const [first = 0] = await estate.request(credentialId);
    const refused = await estate.until(first);
    expect({ state: refused.state, outcome: refused.outcome }, JSON.stringify(await estate.attempts(first))).toEqual({
      state: "error",
      outcome: "change.refused",
    });
    expect(await estate.attempts(first)).toHaveLength(4);
    expect(new Set((await estate.versions(credentialId)).map(({ status }) => status))).toEqual(
      new Set(["current", "discarded"]),
    );

    const [second = 0] = await estate.request(credentialId);
    await expect
      .poll(async () => (await estate.attempts(second))[0]?.outcome, { timeout: 120_000 })
      .toBe("change.refused");
    await target.run(["tee", "/etc/pam.d/common-password"], RULES(8));
    expect((await estate.until(second)).state).toBe("succeeded");
    expect((await estate.attempts(second)).at(-1)?.outcome).toBe("change.succeeded");
    expect(await estate.currentPassword(credentialId)).not.toBe(START);
  });

  it("a second factor needs a human, and nothing is sent", async () => {
    const pam =
      "auth required pam_unix.so nodelay\nauth required pam_google_authenticator.so secret=/etc/otp user=root no_strict_owner\naccount required pam_permit.so\nsession required pam_permit.so\n";
    const server = await startSshTarget({
      users: [{ name: "factor", password: START }],
      sshdConfig: ["KbdInteractiveAuthentication yes"],
      files: { "pam.d/sshd": pam, otp: 'JBSWY3DPEHPK3PXP\n" TOTP_AUTH\n' },
    });
    try {
      const credentialId = await add("factor", START, server);
      const [code = 0] = await estate.request(credentialId);
      const { state, outcome } = await estate.until(code);
      expect({ state, outcome }).toEqual({ state: "error", outcome: "target.needs-human" });
      const [attempt] = await estate.attempts(code);
      expect(attempt?.sentAt).toBeNull();
      expect(await estate.currentPassword(credentialId)).toBe(START);
    } finally {
      await server.stop();
    }
  });
});
