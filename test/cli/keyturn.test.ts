import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { System } from "./system.ts";

let system: System;
beforeAll(async () => {
  system = await System.start();
  await system.addRole("app", "First-password-1");
  await system.addRole("app@home", "First-password-2");
});
afterAll(() => system?.stop());

test("a person registers a device and two accounts, and changes and reveals a password", async () => {
  const settings = join(await mkdtemp(join(tmpdir(), "keyturn-cli-")), "settings.json");
  await writeFile(settings, JSON.stringify({ postgresql: { caCertificate: system.certificates.ca } }));
  const device = await system.keyturnJson<{ id: string }>([
    "device",
    "add",
    "Main DB",
    "127.0.0.1",
    `--port=${system.targetPort}`,
    `--settings=${settings}`,
  ]);
  await rm(dirname(settings), { recursive: true });
  const listed = await system.keyturn(["device", "list"]);
  expect(listed.output).toContain(device.id);

  const added = await system.keyturn(
    ["credential", "add", "app@main db", "--plugin", "postgresql", "--automatic"],
    "First-password-1\n",
  );
  expect(added, added.errors).toMatchObject({ exitCode: EXIT.ok });
  await system.keyturnJson(
    ["credential", "add", "app@home@main db", "--plugin", "postgresql", "--automatic"],
    "First-password-2\n",
  );

  const checked = await system.keyturnJson<object>(["credential", "check", "app@main db"]);
  expect(checked).toEqual({ verdict: "accepted", code: "verify.accepted" });

  const changed = await system.keyturn(["change", "app@main db", "app@home@main db", "--wait", "--reason", "test"]);
  expect(changed, changed.errors).toMatchObject({ exitCode: EXIT.ok });
  expect(changed.output.match(/Successfully performed/g)).toHaveLength(2);
  expect(changed.errors).toContain("2 operations:");

  const denied = await system.keyturn(["credential", "reveal", "app@main db", "--reason", "test"]);
  expect(denied.exitCode).toBe(EXIT.noPermission);
  const token = (
    await system.keyturn(["token", "create", "proof", "--owner", "ann", "--role", "custodian"])
  ).output.trim();
  const revealed = await system.keyturn(["credential", "reveal", "app@main db", "--reason", "test"], "", token);
  expect(revealed.output).not.toContain("First-password-1");
  await (await system.logIn("app", revealed.output.slice(0, -1))).end();
  for (const ran of [listed, added, changed]) expect(ran.output + ran.errors).not.toMatch(/First-password|kt_/);
});

test("operations are listed, shown, watched, and acted on by their code", async () => {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const { operations } = await system.keyturnJson<{ operations: { code: number }[] }>([
    "change",
    "app@main db",
    "--at",
    at,
  ]);
  const code = String(operations[0]?.code);

  const again = await system.keyturn(["change", "app@main db"]);
  expect(again.exitCode).toBe(EXIT.data);
  expect(again.errors).toContain(`credential.change-open (operation ${code})`);

  const lines = (await system.keyturn(["-o", "jsonl", "operations", "list", "--state", "scheduled"])).output
    .trim()
    .split("\n");
  expect(lines.map((line) => String((JSON.parse(line) as { code: number }).code))).toEqual([code]);

  expect(await system.keyturn(["operations", "run-now", code])).toMatchObject({ exitCode: EXIT.ok });
  expect(await system.keyturn(["operations", "watch", code])).toMatchObject({ exitCode: EXIT.ok });
  const shown = await system.keyturn(["operations", "show", code]);
  expect(shown.output).toMatch(/stage \d+, precheck \d+, apply \d+, verify \d+/);

  const canceled = await system.keyturn(["operations", "cancel", code]);
  expect(canceled.exitCode).toBe(EXIT.notNow);
});

test("a wrong stored password ends the wait with 75 and says why; the right one mends it", async () => {
  await system.addRole("drifted", "Right-password-3");
  const add = ["credential", "add", "drifted@main db", "--plugin", "postgresql", "--automatic"];
  await system.keyturnJson(add, "Wrong-password\n");
  const failed = await system.keyturn(["change", "drifted@main db", "--wait"]);
  expect(failed.exitCode).toBe(EXIT.notNow);
  expect(failed.output).toContain("auth.rejected");

  const set = ["credential", "set-password", "drifted@main db", "--reason", "test"];
  expect(await system.keyturn(set, "Right-password-3\n")).toMatchObject({ exitCode: EXIT.ok });
  const code = /^\s*(\d+) /m.exec(failed.output)?.[1] ?? "";
  expect(await system.keyturn(["operations", "restart", code])).toMatchObject({ exitCode: EXIT.ok });
  expect(await system.keyturn(["operations", "watch", code])).toMatchObject({ exitCode: EXIT.ok });
});

test("a credential shows its policy and why, and when it changes next", async () => {
  const show = async () => (await system.keyturn(["credential", "show", "app@main db"])).output;
  expect(await show()).toMatch(/policy +none: it changes on request only/);
  await system.keyturnJson(["policy", "create", "Databases", "--on-device", "Main*", "--max-age", "30d"]);
  await system.keyturnJson(["policy", "create", "All", "--priority", "1"]);
  const shown = await show();
  expect(shown).toMatch(/policy +Databases\n/);
  expect(shown).toMatch(/policy holds by +devices Main DB\n/i);
  expect(shown).toMatch(/would hold next +All\n/);
  expect(shown).toMatch(/changes next +\S+Z by age/);
  expect(await system.keyturnJson(["credential", "show", "app@main db"])).toMatchObject({ username: "app" });
});

test("a check tells a rejected password by its exit code", async () => {
  await system.addRole("stray", "Right-password-4");
  await system.keyturnJson(["credential", "add", "stray@main db", "--plugin", "postgresql"], "Wrong-password\n");
  expect((await system.keyturn(["credential", "check", "stray@main db"])).exitCode).toBe(EXIT.data);
});

test("what is not there is 66, and what is wrong says which field", async () => {
  expect(await system.keyturn(["operations", "show", "999999"])).toMatchObject({ exitCode: EXIT.notFound });
  expect(await system.keyturn(["change", "nobody@main db"])).toMatchObject({ exitCode: EXIT.notFound });
  expect(await system.keyturn(["credential", "set-password", "app@main db"])).toMatchObject({
    exitCode: EXIT.notFound,
  });
  const wrong = await system.keyturn(["device", "add", "name", "not an address"]);
  expect(wrong.exitCode).toBe(EXIT.data);
  expect(wrong.errors).toContain("address: ");
  const forged = await system.keyturn(["device", "list"], "", "kt_forged");
  expect(forged).toMatchObject({ exitCode: EXIT.noPermission, output: "" });
});

test("trust shows the fingerprint and pins it only after a yes", async () => {
  const asked = await system.keyturn(["device", "trust", "main db"]);
  expect(asked.exitCode).toBe(EXIT.usage);
  const fingerprint = /SHA256:\S+/.exec(asked.errors)?.[0] ?? "none";
  const pinned = await system.keyturnJson<{ pinnedIdentity: string }>(["device", "trust", "main db", "--yes"]);
  expect(pinned.pinnedIdentity).toBe(fingerprint);
});

test("tokens are listed without their value and can be revoked", async () => {
  const token = await system.keyturnJson<{ id: string; value: string }>([
    "token",
    "create",
    "short",
    "--owner",
    "bob",
    "--role",
    "viewer",
  ]);
  expect((await system.keyturn(["operations", "list"], "", token.value)).exitCode).toBe(EXIT.ok);
  expect((await system.keyturn(["token", "list"])).output).not.toContain(token.value);
  await system.keyturn(["token", "revoke", token.id]);
  expect((await system.keyturn(["operations", "list"], "", token.value)).exitCode).toBe(EXIT.noPermission);
});
