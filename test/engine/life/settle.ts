/** After all failures: everything must come to its end by itself, and every credential must still be changeable. */
import { setTimeout as sleep } from "node:timers/promises";
import { and, eq, inArray, isNotNull, isNull, like, sql } from "drizzle-orm";
import * as schema from "../../../db/schema/index.ts";
import type { Grounds } from "./grounds.ts";
import { type SequenceRun, shortenApproval } from "./sequence-run.ts";

/** How long everything may take to come to its end on a busy machine. */
const PATIENCE_MS = 120_000;

const { operations, credentials, devices } = schema;

/** Makes every device reachable and every credential changeable again. */
export async function mend({ estate, target }: Grounds): Promise<void> {
  await estate.db.update(devices).set({ port: target.port });
  await estate.db.update(credentials).set({ automaticChange: true }).where(like(credentials.username, "life%"));
}

/**
 * Waits until nothing is open. Approvals nobody gives end soon, nothing waits for a far time, and the repair sweep need
 * not be waited for: a row that is late by seconds counts as late by minutes.
 * @returns a sentence for each operation that did not end
 */
export async function settle(grounds: Grounds, credentialIds: readonly string[]): Promise<string[]> {
  const { db } = grounds.estate;
  const giveUpAt = Date.now() + PATIENCE_MS;
  const shortened = new Set<number>();
  for (let round = 0; ; round += 1) {
    const open = await db
      .select()
      .from(operations)
      .where(and(isNull(operations.endedAt), inArray(operations.credentialId, [...credentialIds])));
    if (open.length === 0) return [];
    if (Date.now() > giveUpAt) return open.map((row) => `${row.code} never ended: ${JSON.stringify(row)}`);
    if (round % 6 === 0) {
      // Once: what does not move then is late, and the sweep's.
      for (const { code, state } of open) {
        if (state !== "awaiting-approval" || shortened.has(code)) continue;
        shortened.add(code);
        await shortenApproval(grounds, code, 0);
      }
      await db
        .update(operations)
        .set({ wakeAt: sql`${operations.wakeAt} - interval '3 minutes'` })
        .where(sql`${operations.wakeAt} between now() - interval '2 minutes' and now() - interval '3 seconds'`);
      await grounds.sweep();
    }
    await sleep(500);
  }
}

/**
 * Resolves what waits for a person, then changes every credential once more.
 * @returns a sentence for each that cannot be changed
 */
export async function changeAll(grounds: Grounds, runs: readonly SequenceRun[]): Promise<string[]> {
  const { estate, persons } = grounds;
  const ids = runs.map(({ subject }) => subject.credentialId);
  await restartDoubts(grounds, ids);
  const stuck = await settle(grounds, ids);
  if (stuck.length > 0) return stuck;
  const asked = await persons.Rita("POST", "/v1/password-changes", { credentialIds: ids });
  const { operations: made, refused } = asked.body as {
    operations: { code: number; state: string }[];
    refused: object[];
  };
  for (const { code, state } of made) {
    if (state !== "awaiting-approval") continue;
    // Rule `levels` asks Ada first; one approval is enough for rule `one`, and Bob is then told so.
    await persons.Ada("POST", `/v1/operations/${code}/approve`, {});
    await persons.Bob("POST", `/v1/operations/${code}/approve`, {});
  }
  const unended = await settle(grounds, ids);
  const failed = await estate.db
    .select({ code: operations.code, state: operations.state, outcome: operations.outcome })
    .from(operations)
    .where(
      inArray(
        operations.code,
        made.map(({ code }) => code),
      ),
    );
  return [
    ...unended,
    ...refused.map((one) => `a last change was refused: ${JSON.stringify(one)}`),
    ...failed
      .filter(({ state }) => state !== "succeeded")
      .map(({ code, state, outcome }) => `the last change ${code} ended ${state} ${outcome}`),
  ];
}

/** A person restarts the operation that left a password in doubt. */
async function restartDoubts({ estate, persons }: Grounds, ids: readonly string[]): Promise<void> {
  const doubts = await estate.db
    .select({ code: schema.secretVersions.operationCode })
    .from(schema.secretVersions)
    .innerJoin(credentials, eq(credentials.id, schema.secretVersions.credentialId))
    .where(
      and(
        inArray(credentials.id, [...ids]),
        isNotNull(credentials.attention),
        eq(schema.secretVersions.status, "doubtful"),
      ),
    );
  for (const { code } of doubts) await persons.Rita("POST", `/v1/operations/${code}/restart`, {});
}
