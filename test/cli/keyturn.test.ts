import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApi, type RunningApi } from "../../api/server.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { readConfig } from "../../config/env.ts";
import { makeCertificates } from "../../scripts/engine/certificates.ts";
import { freePort } from "../../scripts/engine/ports.ts";
import { startPostgres, type PostgresServer } from "../../scripts/engine/postgres.ts";
import { freshDatabase, type TestDatabase } from "../helpers/database.ts";
import { freshNamespace } from "../helpers/temporal.ts";
import { TestWorker } from "../helpers/worker.ts";

const KEYTURN = fileURLToPath(new URL("../../cli/keyturn.mjs", import.meta.url));
const ADMINISTRATOR = `kt_${randomBytes(24).toString("base64url")}`;
const certificates = makeCertificates();
const rootPassword = randomBytes(12).toString("hex");

let database: TestDatabase;
let api: RunningApi;
let worker: TestWorker;
let target: PostgresServer;

interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the command as a person's shell would. */
async function keyturn(args: readonly string[], input = "", token = ADMINISTRATOR): Promise<Ran> {
  const child = spawn(process.execPath, [KEYTURN, ...args], {
    env: { ...process.env, KEYTURN_URL: api.url, KEYTURN_TOKEN: token },
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await exited, output, errors };
}

async function keyturnJson<Answer>(args: readonly string[], input = "", token = ADMINISTRATOR): Promise<Answer> {
  const ran = await keyturn(["-o", "json", ...args], input, token);
  expect(ran, ran.errors).toMatchObject({ exitCode: EXIT.ok });
  return JSON.parse(ran.output) as Answer;
}

async function logIn(user: string, password: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: target.port,
    user,
    password,
    database: "postgres",
    ssl: { ca: certificates.ca },
  });
  await client.connect();
  return client;
}

async function addRole(name: string, password: string): Promise<void> {
  const root = await logIn("postgres", rootPassword);
  await root.query(`create role ${pg.escapeIdentifier(name)} login password ${pg.escapeLiteral(password)}`);
  await root.end();
}

beforeAll(async () => {
  database = await freshDatabase();
  const temporal = await freshNamespace();
  const key = randomBytes(32).toString("base64");
  [api, worker, target] = await Promise.all([
    startApi(
      readConfig({
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: temporal.namespace,
        KEYTURN_PORT: String(await freePort()),
        KEYTURN_KEY: key,
        KEYTURN_BOOTSTRAP_TOKEN: ADMINISTRATOR,
        KEYTURN_LOG_LEVEL: "error",
      }),
    ),
    TestWorker.start({ databaseUrl: database.url, temporal, key }),
    startPostgres({ name: `test-${randomUUID()}`, password: rootPassword, tls: certificates, scratch: true }),
  ]);
  await addRole("app", "First-password-1");
  await addRole("app@home", "First-password-2");
});

afterAll(async () => {
  await worker?.stop();
  await api?.stop();
  await target?.stop();
  await database?.drop();
});

test("a person registers a device and two accounts, and changes and reveals a password", async () => {
  const settings = join(await mkdtemp(join(tmpdir(), "keyturn-cli-")), "settings.json");
  await writeFile(settings, JSON.stringify({ postgresql: { caCertificate: certificates.ca } }));
  const device = await keyturnJson<{ id: string }>([
    "device",
    "add",
    "Main DB",
    "127.0.0.1",
    `--port=${target.port}`,
    `--settings=${settings}`,
  ]);
  await rm(dirname(settings), { recursive: true });
  const listed = await keyturn(["device", "list"]);
  expect(listed.output).toContain(device.id);

  const added = await keyturn(
    ["credential", "add", "app@main db", "--plugin", "postgresql", "--automatic"],
    "First-password-1\n",
  );
  expect(added, added.errors).toMatchObject({ exitCode: EXIT.ok });
  await keyturnJson(
    ["credential", "add", "app@home@main db", "--plugin", "postgresql", "--automatic"],
    "First-password-2\n",
  );

  const checked = await keyturnJson<object>(["credential", "check", "app@main db"]);
  expect(checked).toEqual({ verdict: "accepted", code: "verify.accepted" });

  const changed = await keyturn(["change", "app@main db", "app@home@main db", "--wait", "--reason", "test"]);
  expect(changed, changed.errors).toMatchObject({ exitCode: EXIT.ok });
  expect(changed.output.match(/Successfully performed/g)).toHaveLength(2);
  expect(changed.errors).toContain("2 operations:");

  const denied = await keyturn(["credential", "reveal", "app@main db", "--reason", "test"]);
  expect(denied.exitCode).toBe(EXIT.noPermission);
  const token = (await keyturn(["token", "create", "proof", "--owner", "ann", "--role", "custodian"])).output.trim();
  const revealed = await keyturn(["credential", "reveal", "app@main db", "--reason", "test"], "", token);
  expect(revealed.output).not.toContain("First-password-1");
  await (await logIn("app", revealed.output.slice(0, -1))).end();
  for (const ran of [listed, added, changed]) expect(ran.output + ran.errors).not.toMatch(/First-password|kt_/);
});

test("operations are listed, shown, watched, and acted on by their code", async () => {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const { operations } = await keyturnJson<{ operations: { code: number }[] }>(["change", "app@main db", "--at", at]);
  const code = String(operations[0]?.code);

  const again = await keyturn(["change", "app@main db"]);
  expect(again.exitCode).toBe(EXIT.data);
  expect(again.errors).toContain(`credential.change-open (operation ${code})`);

  const lines = (await keyturn(["-o", "jsonl", "operations", "list", "--state", "scheduled"])).output
    .trim()
    .split("\n");
  expect(lines.map((line) => String((JSON.parse(line) as { code: number }).code))).toEqual([code]);

  expect(await keyturn(["operations", "run-now", code])).toMatchObject({ exitCode: EXIT.ok });
  expect(await keyturn(["operations", "watch", code])).toMatchObject({ exitCode: EXIT.ok });
  const shown = await keyturn(["operations", "show", code]);
  expect(shown.output).toMatch(/stage \d+, precheck \d+, apply \d+, verify \d+/);

  const canceled = await keyturn(["operations", "cancel", code]);
  expect(canceled.exitCode).toBe(EXIT.notNow);
});

test("a wrong stored password ends the wait with 75 and says why; the right one mends it", async () => {
  await addRole("drifted", "Right-password-3");
  const add = ["credential", "add", "drifted@main db", "--plugin", "postgresql", "--automatic"];
  await keyturnJson(add, "Wrong-password\n");
  const failed = await keyturn(["change", "drifted@main db", "--wait"]);
  expect(failed.exitCode).toBe(EXIT.notNow);
  expect(failed.output).toContain("auth.rejected");

  const set = ["credential", "set-password", "drifted@main db", "--reason", "test"];
  expect(await keyturn(set, "Right-password-3\n")).toMatchObject({ exitCode: EXIT.ok });
  const code = /^\s*(\d+) /m.exec(failed.output)?.[1] ?? "";
  expect(await keyturn(["operations", "restart", code])).toMatchObject({ exitCode: EXIT.ok });
  expect(await keyturn(["operations", "watch", code])).toMatchObject({ exitCode: EXIT.ok });
});

test("a check tells a rejected password by its exit code", async () => {
  await addRole("stray", "Right-password-4");
  await keyturnJson(["credential", "add", "stray@main db", "--plugin", "postgresql"], "Wrong-password\n");
  expect((await keyturn(["credential", "check", "stray@main db"])).exitCode).toBe(EXIT.data);
});

test("what is not there is 66, and what is wrong says which field", async () => {
  expect(await keyturn(["operations", "show", "999999"])).toMatchObject({ exitCode: EXIT.notFound });
  expect(await keyturn(["change", "nobody@main db"])).toMatchObject({ exitCode: EXIT.notFound });
  expect(await keyturn(["credential", "set-password", "app@main db"])).toMatchObject({ exitCode: EXIT.notFound });
  const wrong = await keyturn(["device", "add", "name", "not an address"]);
  expect(wrong.exitCode).toBe(EXIT.data);
  expect(wrong.errors).toContain("address: ");
  const forged = await keyturn(["device", "list"], "", "kt_forged");
  expect(forged).toMatchObject({ exitCode: EXIT.noPermission, output: "" });
});

test("trust shows the fingerprint and pins it only after a yes", async () => {
  const asked = await keyturn(["device", "trust", "main db"]);
  expect(asked.exitCode).toBe(EXIT.usage);
  const fingerprint = /SHA256:\S+/.exec(asked.errors)?.[0] ?? "none";
  const pinned = await keyturnJson<{ pinnedIdentity: string }>(["device", "trust", "main db", "--yes"]);
  expect(pinned.pinnedIdentity).toBe(fingerprint);
});

test("tokens are listed without their value and can be revoked", async () => {
  const token = await keyturnJson<{ id: string; value: string }>([
    "token",
    "create",
    "short",
    "--owner",
    "bob",
    "--role",
    "viewer",
  ]);
  expect((await keyturn(["operations", "list"], "", token.value)).exitCode).toBe(EXIT.ok);
  expect((await keyturn(["token", "list"])).output).not.toContain(token.value);
  await keyturn(["token", "revoke", token.id]);
  expect((await keyturn(["operations", "list"], "", token.value)).exitCode).toBe(EXIT.noPermission);
});
