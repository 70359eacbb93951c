import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import type { ImportReport } from "../../contracts/import.schema.ts";
import { openDatabase } from "../../db/client.ts";
import { answers, freePort, until } from "../../scripts/engine/ports.ts";
import { freshDatabase } from "../helpers/database.ts";
import { csvOf } from "./import-file.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const ROWS = 4000;

/** Every account is on a device of its own and logs in through its neighbour, which logs in through it. */
const FILE = csvOf(
  Array.from({ length: ROWS }, (_, index) => ({
    Device: `host-${index}`,
    Address: "192.0.2.1",
    Username: "root",
    "Change plugin": "linux",
    "Current password": `password-${index}`,
    "Connection username": "root",
    "Connection hostname": `host-${index ^ 1}`,
    "Parent username": index < 2 ? undefined : "root",
    "Parent hostname": index < 2 ? undefined : `host-${index % 2}`,
  })).toReversed(),
);

async function startApi(databaseUrl: string, token: string, key: string) {
  const port = await freePort();
  const child = spawn(process.execPath, ["--import", "./scripts/fast-imports.mjs", "api/server.ts"], {
    cwd: CHECKOUT,
    stdio: "ignore",
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: "127.0.0.1:9",
      KEYTURN_KEY: key,
      KEYTURN_BOOTSTRAP_TOKEN: token,
      KEYTURN_PORT: String(port),
    },
  });
  const exit = once(child, "exit");
  const ended = exit.then(() => {
    throw new Error("the api ended at its start");
  });
  await Promise.race([until(() => answers(port), { what: "the api", timeoutMs: 120_000 }), ended]);
  return {
    async send(): Promise<ImportReport> {
      const response = await fetch(`http://127.0.0.1:${port}/v1/import`, {
        method: "POST",
        body: FILE,
        headers: { authorization: `Bearer ${token}`, "content-type": "text/csv" },
      });
      return (await response.json()) as ImportReport;
    },
    async end(signal: "SIGKILL" | "SIGTERM") {
      child.kill(signal);
      await exit;
    },
  };
}

test("an api that is killed in the middle of an import leaves whole rows only, and the same file completes it", async () => {
  const database = await freshDatabase();
  const { db, close } = openDatabase(database.url, { connections: 2, name: "test" });
  const token = `kt_${randomBytes(24).toString("base64url")}`;
  const key = randomBytes(32).toString("base64");
  const counted = async () =>
    (
      await db.execute<Record<string, number>>(sql`select
        (select count(*)::int from devices) as devices,
        (select count(*)::int from credentials) as credentials,
        (select count(*)::int from secret_versions where status = 'current') as passwords,
        (select count(*)::int from credentials where not use_own_credential
          and authentication_credential_id is not null) as connected,
        (select count(*)::int from credentials c join credentials o on o.id = c.authentication_credential_id
          and o.authentication_credential_id = c.id) as mutual,
        (select count(*)::int from audit where action = 'credential.created') as audited,
        (select count(*)::int from audit where action = 'import.finished') as finished`)
    )[0] ?? {};
  const gone = async () =>
    (
      await db.execute(
        sql`select 1 from pg_stat_activity where datname = current_database() and application_name = 'keyturn api'`,
      )
    ).length === 0;
  try {
    const seen: number[] = [0];
    for (let kill = 0; kill < 3; kill += 1) {
      const api = await startApi(database.url, token, key);
      const sent = api.send().then(
        () => "answered",
        () => "broken",
      );
      const before = seen.at(-1) ?? 0;
      await until(async () => ((await counted())["credentials"] ?? 0) > before, {
        what: "a written row",
        timeoutMs: 120_000,
      });
      await api.end("SIGKILL");
      expect(await sent).toBe("broken");
      await until(gone, { what: "the connections' end", timeoutMs: 120_000 });
      const state = await counted();
      const rows = state["credentials"] ?? 0;
      expect(state).toEqual({
        devices: rows,
        credentials: rows,
        passwords: rows,
        connected: rows,
        mutual: rows,
        audited: rows,
        finished: 0,
      });
      expect(rows).toBeLessThan(ROWS);
      seen.push(rows);
    }
    const api = await startApi(database.url, token, key);
    expect(await api.send()).toMatchObject({
      created: ROWS - (seen.at(-1) ?? 0),
      unchanged: seen.at(-1),
      updated: 0,
      refused: 0,
    });
    expect(await api.send()).toMatchObject({ created: 0, unchanged: ROWS, updated: 0, refused: 0 });
    expect(await counted()).toMatchObject({ credentials: ROWS, mutual: ROWS, audited: ROWS, finished: 2 });
    await api.end("SIGTERM");
  } finally {
    await close();
    await database.drop();
  }
});
