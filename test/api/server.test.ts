import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newKey } from "../../plugins/ssh-key/key.ts";
import { answers, freePort, until } from "../../scripts/engine/ports.ts";
import { freshDatabase, type TestDatabase } from "../helpers/database.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "keyturn-api-"));
  database = await freshDatabase();
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

/** The API as a process of its own, with Temporal away. */
async function start(more: Record<string, string> = {}) {
  const port = await freePort();
  const child = spawn(process.execPath, ["--import", "./scripts/fast-imports.mjs", "api/server.ts"], {
    cwd: CHECKOUT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: "127.0.0.1:9",
      KEYTURN_KEY_FILE: join(folder, "key"),
      KEYTURN_ADMIN_TOKEN_FILE: join(folder, "admin", "token"),
      KEYTURN_PORT: String(port),
      ...more,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  return {
    child,
    exit,
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    ready: () => until(() => answers(port), { what: "the api", timeoutMs: 120_000 }),
  };
}

const status = async (url: string, token: string) =>
  (await fetch(`${url}/v1/devices`, { headers: { authorization: `Bearer ${token}` } })).status;

describe("the process", () => {
  test("makes the first administrator once, keeps the token out of its log, and ends in order on SIGTERM", async () => {
    const first = await start();
    await first.ready();
    const file = join(folder, "admin", "token");
    const token = (await readFile(file, "utf8")).trim();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await status(first.url, token)).toBe(200);
    expect(first.output()).not.toContain(token);
    first.child.kill("SIGTERM");
    expect(await first.exit).toBe(0);

    const second = await start({ KEYTURN_BOOTSTRAP_TOKEN: `kt_${"x".repeat(30)}` });
    await second.ready();
    expect(second.output()).not.toContain("kt_");
    expect(await status(second.url, token)).toBe(200);
    expect(await status(second.url, `kt_${"x".repeat(30)}`)).toBe(401);
    second.child.kill("SIGTERM");
    expect(await second.exit).toBe(0);
  });

  test("stops when it has answered what is under way, and waits for no connection on which nothing is asked", async () => {
    const api = await start();
    await api.ready();
    const token = (await readFile(join(folder, "admin", "token"), "utf8")).trim();
    const port = Number(new URL(api.url).port);
    const open = async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return { socket, heard: text(socket) };
    };
    const [unused, asking] = [await open(), await open()];
    // Kept by this process's pool.
    await status(api.url, token);
    const head = ["POST /v1/devices HTTP/1.1", "host: api", `authorization: Bearer ${token}`, "content-length: 2"];
    asking.socket.write([...head, "content-type: application/json", "expect: 100-continue", "", ""].join("\r\n"));
    await once(asking.socket, "readable");
    api.child.kill("SIGTERM");
    await until(async () => !(await answers(port)), { what: "the end of listening", timeoutMs: 60_000 });
    asking.socket.write("{}");
    expect(await asking.heard).toContain("HTTP/1.1 400");
    // Node would have told it after a minute that its time is over.
    expect(await unused.heard).toBe("");
    expect(await api.exit).toBe(0);
  });

  test("knows what the secrets of its plugins are: a password is no private key", async () => {
    const api = await start();
    await api.ready();
    const token = (await readFile(join(folder, "admin", "token"), "utf8")).trim();
    const post = (path: string, body: object) =>
      fetch(`${api.url}/v1/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const { id: deviceId } = (await (await post("devices", { name: "keys", address: "192.0.2.1" })).json()) as {
      id: string;
    };
    const account = { deviceId, plugin: "ssh-key", username: "deploy" };
    const refused = await post("credentials", { ...account, password: "no key at all" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: "request.invalid",
      errors: [{ field: "password", rule: expect.stringContaining("private key") as string }],
    });
    expect((await post("credentials", { ...account, password: newKey().reveal() })).status).toBe(201);
    api.child.kill("SIGTERM");
    await api.exit;
  });

  test("takes a given first token and prints none", async () => {
    const own = await freshDatabase();
    const given = `kt_${"b".repeat(30)}`;
    const api = await start({
      DATABASE_URL: own.url,
      KEYTURN_BOOTSTRAP_TOKEN: given,
      KEYTURN_KEY_FILE: join(folder, "key2"),
    });
    await api.ready();
    expect(await status(api.url, given)).toBe(200);
    expect(api.output()).not.toContain("kt_");
    api.child.kill("SIGTERM");
    expect(await api.exit).toBe(0);
    await own.drop();
  });

  test("refuses an open address, a weak token and another database's key, each with one sentence", async () => {
    const open = await start({ KEYTURN_HOST: "0.0.0.0" });
    expect(await open.exit).toBe(1);
    expect(open.output()).toContain("KEYTURN_TRUSTED_PROXY");
    const own = await freshDatabase();
    const weak = await start({
      DATABASE_URL: own.url,
      KEYTURN_BOOTSTRAP_TOKEN: "kt_short",
      KEYTURN_KEY_FILE: join(folder, "key3"),
    });
    expect(await weak.exit).toBe(1);
    expect(weak.output()).toContain("KEYTURN_BOOTSTRAP_TOKEN");
    const other = await start({ KEYTURN_KEY_FILE: join(folder, "key3") });
    expect(await other.exit).toBe(1);
    expect(other.output()).toContain("sealed");
    await own.drop();
  });
});
