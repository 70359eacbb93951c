/** An activity whose answer was lost leads to a probe; a row that only waits is waited for, not given up. */
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId } from "../../../db/new-id.ts";
import { takeOver } from "../../../db/queries/probe.ts";
import * as schema from "../../../db/schema/index.ts";
import { Estate } from "../../helpers/estate.ts";

let estate: Estate;
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(() => estate.close());

async function request(approval: typeof schema.policies.$inferInsert.approval): Promise<number> {
  const policyId = newId();
  await estate.db.insert(schema.policies).values({ id: policyId, name: "asks", approval });
  const deviceId = await estate.addDevice({ address: "127.0.0.1" });
  const credentialId = await estate.addCredential({
    deviceId,
    plugin: "postgresql",
    username: "one",
    password: "kept",
  });
  await estate.db.update(schema.credentials).set({ policyId }).where(eq(schema.credentials.id, credentialId));
  const [code = 0] = await estate.request(credentialId);
  return code;
}

const look = (code: number, run = 1) => takeOver(estate.db, { code, run, settleMs: () => 0, wakeInMs: 1_000 });

it("a probe of a run that must be approved sends it back to wait", async () => {
  const code = await request({ levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 60 });
  expect((await estate.operation(code)).state).toBe("awaiting-approval");
  expect(await look(code)).toMatchObject({ kind: "waiting" });
  expect(await look(code, 2), "another run's").toEqual({ kind: "not-yours", state: "awaiting-approval" });
});

it("a probe of a run that waits for its time sends it back to wait", async () => {
  const code = await request(null);
  expect(await look(code)).toMatchObject({ kind: "waiting" });
  await estate.act("cancel", code);
  expect(await look(code)).toEqual({ kind: "not-yours", state: "canceled" });
});
