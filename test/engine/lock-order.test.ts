/** Changes of one device and policy that end at the same moment: none has to be given up because two wait for each other. */
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { openDatabase } from "../../db/client.ts";
import { promote } from "../../db/queries/promote.ts";
import { settle } from "../../db/queries/settle.ts";
import * as schema from "../../db/schema/index.ts";
import { putUnderPolicy } from "../helpers/approvals.ts";
import { Estate } from "../helpers/estate.ts";
import { stageAttempt } from "../helpers/staging.ts";

const PAIRS = 40;
const settings = Settings.parse({ attempts: 1, breakerSeconds: 0, errorsThatPause: 1000 });

let estate: Estate;

beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(() => estate.close());

it("some fail on the way to the device while others succeed", async () => {
  const deviceId = await estate.addDevice({ address: "127.0.0.1", permits: 1000 });
  const ids: string[] = [];
  for (let count = 0; count < 2 * PAIRS; count += 1)
    ids.push(await estate.addCredential({ deviceId, plugin: "postgresql", username: `user${count}`, password: "old" }));
  const policyId = await putUnderPolicy(estate.db, []);
  const attempts = [];
  for (const code of await estate.request(...ids)) attempts.push(await stageAttempt(estate, code, settings));
  await estate.db.update(schema.devices).set({ transportFailures: 1 }).where(eq(schema.devices.id, deviceId));
  await estate.db.insert(schema.policyStates).values({ policyId, errorCode: "target.timeout", errorsInARow: 1 });
  const many = openDatabase(estate.surroundings.databaseUrl, { connections: 2 * PAIRS, name: "many", prepared: true });
  try {
    await many.sql.unsafe("select 1");
    const ended = await Promise.allSettled(
      attempts.map((attempt, index) =>
        index % 2 === 0
          ? promote(many.db, attempt, { record: { steps: [], transcript: "", detail: "" } })
          : settle(many.db, { ...attempt, run: 1, reason: "target.timeout", settings }),
      ),
    );
    expect(ended.flatMap((one) => (one.status === "rejected" ? [String(one.reason.cause ?? one.reason)] : []))).toEqual(
      [],
    );
  } finally {
    await many.close();
  }
});
