/** The pass over due credentials dies between two pages: what was opened stays, what was not follows, nothing comes twice. */
import { Client, Connection } from "@temporalio/client";
import { sql } from "drizzle-orm";
import { expect, it, vi } from "vitest";
import { POLICY_SCHEDULE } from "../../contracts/ids.ts";
import { createPolicy } from "../../db/queries/policies.ts";
import { resolveCredentials } from "../../db/queries/resolve-policies.ts";
import { credentials } from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";

const COUNT = 450;

it("a worker killed between two pages", async () => {
  const estate = await Estate.open();
  const deviceId = await estate.addDevice({ address: "127.0.0.1" });
  await estate.db.execute(sql`
    insert into credentials (id, device_id, plugin, username, automatic_change, changed_at)
    select gen_random_uuid(), ${deviceId}, 'postgresql', 'user' || n, true, now() - interval '2 hours'
    from generate_series(1, ${COUNT}) as n`);
  await estate.db.execute(sql`
    insert into secret_versions (id, credential_id, version, status, origin)
    select gen_random_uuid(), id, 1, 'current', 'stored' from credentials`);
  // Its window is shut for hours: what is opened only waits.
  const shut = { days: [1, 2, 3, 4, 5, 6, 7], hours: [(new Date().getUTCHours() + 5) % 24] };
  const policy = { maxAgeMinutes: 60, firstChange: "automatic" as const, windows: { timeZone: "UTC", age: shut } };
  await estate.db.transaction(async (tx) => {
    await createPolicy(tx, { name: "hourly", ...policy }, "test");
    await resolveCredentials(
      tx,
      (await tx.select().from(credentials)).map(({ id }) => id),
    );
  });
  const count = async () => {
    const [row] = await estate.db.execute<{ all: number; each: number }>(
      sql`select count(*)::int as all, count(distinct credential_id)::int as each from operations`,
    );
    return row;
  };

  let worker = await TestWorker.start(estate.surroundings, ["page-swept"]);
  const { address, namespace } = estate.surroundings.temporal;
  const connection = await Connection.connect({ address });
  const pass = () => new Client({ connection, namespace }).schedule.getHandle(POLICY_SCHEDULE).trigger();
  try {
    await pass();
    await worker.reached("page-swept");
    await worker.kill();
    expect(await count()).toEqual({ all: 200, each: 200 });
    worker = await TestWorker.start(estate.surroundings);
    await vi.waitFor(
      async () => {
        // Passed over while the one that was interrupted goes on.
        await pass();
        expect(await count()).toEqual({ all: COUNT, each: COUNT });
      },
      { timeout: 120_000, interval: 3_000 },
    );
    await pass();
    await vi.waitFor(async () => {
      const [row] = await estate.db.execute<{ n: number }>(
        sql`select count(*)::int as n from operations where waiting_for = 'window' and attempts = 0`,
      );
      expect(row?.n).toBe(COUNT);
    }, 120_000);
    expect(await count()).toEqual({ all: COUNT, each: COUNT });
  } finally {
    await worker.kill();
    await connection.close();
    await estate.close();
  }
});
