/** After a change that failed, whoever asked for it, its policy leaves the credential alone for the policy's own time. */
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { newId } from "../../db/new-id.ts";
import { sweepPage } from "../../db/queries/policy-sweep.ts";
import { settle } from "../../db/queries/settle.ts";
import { stage } from "../../db/queries/stage.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";

const settings = Settings.parse({});

let estate: Estate;
let id: string;
beforeEach(async () => {
  estate = await Estate.open();
  const deviceId = await estate.addDevice({ address: "127.0.0.1" });
  const policyId = newId();
  await estate.db
    .insert(schema.policies)
    .values({ id: policyId, name: "yearly", maxAgeMinutes: 1, limits: { coolDownDays: 3 } });
  id = await estate.addCredential({ deviceId, plugin: "postgresql", username: "one", password: "old" });
  await estate.db
    .update(schema.credentials)
    .set({ policyId, driven: true, changedAt: new Date(0), spread: 0 })
    .where(eq(schema.credentials.id, id));
});
afterEach(() => estate.close());

const sweep = async () => (await sweepPage(estate.db, { limit: 10, plugins: PLUGINS })).opened;

async function daysLeft(): Promise<number> {
  const [row] = await estate.db.execute<{ days: number }>(sql`
    select round(extract(epoch from automatic_not_before - now()) / 86400)::int as days from credentials`);
  return row?.days ?? 0;
}

const prepared = (made: Parameters<typeof stage>[1]["prepare"], code: number) =>
  stage(estate.db, { code, run: 1, worker: "test", settings, changeMs: 60_000, prepare: made });

it("one that a person asked for", async () => {
  const [code = 0] = await estate.request(id);
  await prepared(() => ({ seal: () => Buffer.from("") }), code);
  const [{ epoch } = { epoch: 0 }] = await estate.attempts(code);
  await settle(estate.db, { code, run: 1, epoch, reason: "auth.rejected", settings });
  expect((await estate.operation(code)).state).toBe("error");
  expect(await sweep()).toEqual([]);
  expect(await daysLeft()).toBe(3);
});

it("one that was refused before anything was sent", async () => {
  const [opened] = await sweep();
  expect(await prepared(() => ({ refusal: "credential.inactive" }), opened?.code ?? 0)).toMatchObject({
    kind: "not-yours",
    state: "error",
  });
  expect(await sweep()).toEqual([]);
  expect(await daysLeft()).toBe(3);
});
