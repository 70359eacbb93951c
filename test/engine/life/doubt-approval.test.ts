/** A password in doubt is looked for without asking anybody, and sent again only as it was approved. */
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../../contracts/settings.schema.ts";
import { newId } from "../../../db/new-id.ts";
import { passPointOfNoReturn } from "../../../db/queries/attempt.ts";
import { takeAgain } from "../../../db/queries/apply-again.ts";
import { takeOver } from "../../../db/queries/probe.ts";
import { settle } from "../../../db/queries/settle.ts";
import * as schema from "../../../db/schema/index.ts";
import { Estate } from "../../helpers/estate.ts";
import { stageAttempt, tryStage } from "../../helpers/staging.ts";

const settings = Settings.parse({ intervalMinutes: 0 });
const { credentials, policies } = schema;

let estate: Estate;
let deviceId: string;
let credentialId: string;
let administrators: [string, string];

beforeEach(async () => {
  estate = await Estate.open();
  deviceId = await estate.addDevice({ address: "127.0.0.1" });
  const add = (username: string) =>
    estate.addCredential({ deviceId, plugin: "postgresql", username, password: "kept" });
  administrators = [await add("root"), await add("second")];
  credentialId = await add("one");
  const policyId = newId();
  await estate.db.insert(policies).values({
    id: policyId,
    name: "asks",
    approval: { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 60 },
  });
  await loginWith(administrators[0], { policyId, useOwnCredential: false });
});
afterEach(() => estate.close());

async function loginWith(id: string, more: Partial<typeof credentials.$inferInsert> = {}): Promise<void> {
  await estate.db
    .update(credentials)
    .set({ authenticationCredentialId: id, ...more })
    .where(eq(credentials.id, credentialId));
}

/** An approved change whose password was sent, and nobody knows what became of it. */
async function send() {
  const [code = 0] = await estate.request(credentialId);
  await estate.act("approve", code, "approver");
  const attempt = await stageAttempt(estate, code, settings);
  await passPointOfNoReturn(estate.db, attempt, 1);
  return { code, epoch: attempt.epoch };
}

const look = (code: number, run = 1) => takeOver(estate.db, { code, run, settleMs: () => 0, wakeInMs: 1_000 });

it("a restarted operation looks into its own doubt first, also when its approval does not hold any more", async () => {
  const { code, epoch } = await send();
  await settle(estate.db, { code, run: 1, epoch, reason: "change.unverified", settings });
  await loginWith(administrators[1]);
  await estate.act("restart", code);
  expect(await tryStage(estate, code, settings)).toEqual({ kind: "needs-probe" });
  const looked = await look(code, 2);
  if (looked.kind !== "taken") throw new Error("the doubt was not taken over");
  await settle(estate.db, { code, run: 2, epoch: looked.attempt.epoch, reason: "change.not-applied", settings });
  expect(await tryStage(estate, code, settings), "only then is it asked for again").toMatchObject({
    kind: "awaiting-approval",
  });
});

it("a password in doubt is not sent again by another account than was approved", async () => {
  const { code } = await send();
  const before = await look(code);
  expect(before).toMatchObject({ kind: "taken", attempt: { mayApplyAgain: true } });
  const epoch = before.kind === "taken" ? before.attempt.epoch : 0;
  const again = { code, epoch, settings, changeMs: 60_000 };
  expect(await takeAgain(estate.db, again)).toMatchObject({ kind: "staged", attempt: { code, epoch } });
  await loginWith(administrators[1]);
  expect(await takeAgain(estate.db, again)).toEqual({ kind: "lost" });
  expect(await look(code)).toMatchObject({ kind: "taken", attempt: { mayApplyAgain: false } });
});
