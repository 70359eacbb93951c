import { eq, sql } from "drizzle-orm";
import { expect, it, vi } from "vitest";
import { SECRET_STATUSES } from "../../contracts/states.ts";
import { purgeExpired } from "../../db/queries/purge.ts";
import { restoreVersion } from "../../db/queries/secrets.ts";
import * as schema from "../../db/schema/index.ts";
import { newId } from "../../db/new-id.ts";
import { Estate } from "../helpers/estate.ts";

it("values whose time is over are destroyed in bounded steps, and never one that may be live or wanted back", async () => {
  const estate = await Estate.open();
  try {
    const deviceId = await estate.addDevice({ address: "somewhere" });
    const day = (days: number) => new Date(Date.now() + days * 86_400_000);
    const add = async (credentialId: string, version: number, row: { status: string; purgeAfter: Date | null }) => {
      const status = row.status as (typeof SECRET_STATUSES)[number];
      const base = { id: newId(), credentialId, version, origin: "generated" as const, sealed: Buffer.from("sealed") };
      await estate.db.insert(schema.secretVersions).values({ ...base, status, purgeAfter: row.purgeAfter });
    };
    // At most one of candidate and doubtful stands in a credential, so each status has one of its own.
    for (const status of SECRET_STATUSES) {
      const id = await estate.addCredential({ deviceId, plugin: "postgresql", username: status });
      await add(id, 1, { status, purgeAfter: day(-1) });
      await add(id, 2, { status: "retired", purgeAfter: day(1) });
      await add(id, 3, { status: "discarded", purgeAfter: null });
    }
    expect(await purgeExpired(estate.db, 1)).toBe(1);
    expect(await purgeExpired(estate.db, 10)).toBe(1);
    expect(await purgeExpired(estate.db, 10)).toBe(0);
    const versions = await estate.db.select().from(schema.secretVersions);
    const destroyed = versions.filter(({ sealed }) => sealed === null).map(({ status }) => status);
    expect(destroyed.toSorted()).toEqual(["discarded", "retired"]);
    expect(versions).toHaveLength(3 * SECRET_STATUSES.length);
    const audit = await estate.db.select().from(schema.audit).where(eq(schema.audit.objectType, "versions"));
    expect(audit.map(({ action, details }) => ({ action, details }))).toEqual(
      Array(2).fill({ action: "versions.purged", details: { count: 1 } }),
    );
  } finally {
    await estate.close();
  }
});

it("a restore of a value that is being destroyed is refused, and leaves what is current", async () => {
  const estate = await Estate.open();
  try {
    const deviceId = await estate.addDevice({ address: "somewhere" });
    const id = await estate.addCredential({ deviceId, plugin: "postgresql", username: "one", password: "present" });
    await estate.db.insert(schema.secretVersions).values({
      id: newId(),
      credentialId: id,
      version: 2,
      status: "discarded",
      origin: "generated",
      sealed: Buffer.from("sealed"),
      purgeAfter: new Date(0),
    });
    const request = { credentialId: id, version: 2, expectedCurrent: 1, reason: "", actor: { actor: "test" } };
    let restoring: Promise<string> | undefined;
    await estate.db.transaction(async (tx) => {
      expect(await purgeExpired(tx, 10)).toBe(1);
      restoring = estate.db.transaction((other) => restoreVersion(other, request)).then(() => "restored", String);
      await vi.waitFor(async () => {
        const waiting = await estate.db.execute(sql`select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`);
        expect(waiting).toHaveLength(1);
      }, 60_000);
    });
    expect(await restoring).toContain("version");
    expect((await estate.versions(id)).map(({ version, status }) => [version, status])).toEqual([
      [1, "current"],
      [2, "discarded"],
    ]);
  } finally {
    await estate.close();
  }
});
