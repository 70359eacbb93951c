/** A template's life on a real sshd: loaded, approved, chosen, rehearsed, and run. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import type { Rehearsal } from "../../contracts/templates.schema.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { System } from "./system.ts";

const USER = "mover";
const FIRST = `First-${randomBytes(8).toString("hex")}`;
const OWN = `set-read-timeout 20
expect "*$"
exec "passwd"
expect "*urrent password:"
exec "[#CURRENT_PASSWORD#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
exec "exit"
end
`;

let system: System;
let target: SshTarget;
let folder: string;
let approver: string;
beforeAll(async () => {
  [system, target, folder] = await Promise.all([
    System.start(),
    startSshTarget({ users: [{ name: USER, password: FIRST }] }),
    mkdtemp(join(tmpdir(), "keyturn-templates-life-")),
  ]);
  await mkdir(join(folder, "SSH/Change password"), { recursive: true });
  await writeFile(join(folder, "SSH/Change password/Own by passwd.txt"), OWN);
  approver = (await system.run(["token", "create", "p", "--owner", "Petra", "--role", "approver"])).output.trim();
});
afterAll(async () => {
  await system?.stop();
  await target?.stop();
  await rm(folder, { recursive: true });
});

async function shadow(): Promise<string | undefined> {
  return (await target.run(["getent", "shadow", USER])).stdout.split(":")[1];
}

test("is imported, approved, chosen, shown, rehearsed without effect, and changes a password that logs in", async () => {
  const plugins = JSON.parse((await system.good(["-o", "json", "plugins"])).output) as object[];
  expect(plugins.find((plugin) => "kind" in plugin && plugin.kind === "ssh")).toMatchObject({
    experimental: false,
    settings: { type: "object", additionalProperties: false },
    template: { form: "lines", commands: expect.arrayContaining([expect.objectContaining({ name: "expect" })]) },
  });
  await system.good(["template", "import", folder]);
  const settings = join(folder, ".settings.json");
  await writeFile(settings, JSON.stringify({ ssh: {} }));
  await system.good(["device", "add", "unix", "127.0.0.1", `--port=${target.port}`, `--settings=${settings}`]);
  await system.good(["device", "trust", "unix", "--yes"]);
  const added = ["credential", "add", `${USER}@unix`, "--plugin=ssh", "--automatic", "--template=own by passwd"];
  expect(await system.run(added, `${FIRST}\n`)).toMatchObject({ errors: expect.stringContaining("approved") });
  await system.good(["template", "approve", "own by passwd"], "", approver);
  await system.good(added, `${FIRST}\n`);
  const dry = await system.good(["template", "run", "--dry", "--template=own by passwd", `--credential=${USER}@unix`]);
  expect(dry.output).toMatch(/5 +exec +"<CURRENT_PASSWORD>"/);

  const before = await shadow();
  const rehearsed = await system.good(["-o", "json", "credential", "rehearse", `${USER}@unix`]);
  const rehearsal = JSON.parse(rehearsed.output) as Rehearsal;
  expect(rehearsal, rehearsed.output).toMatchObject({ code: "rehearsed", stoppedBefore: 5, version: 1 });
  expect(rehearsal.transcript).toContain("passwd");
  expect(rehearsal.transcript).toContain("urrent password:");
  expect(rehearsed.output).not.toContain(FIRST);
  expect(await shadow()).toBe(before);
  await system.good(["credential", "check", `${USER}@unix`]);

  const changed = await system.good(["change", `${USER}@unix`, "--wait"]);
  expect(changed.output).toContain("Successfully performed");
  expect(await shadow()).not.toBe(before);
  await system.good(["credential", "check", `${USER}@unix`]);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const asked = await system.good(["-o", "json", "change", `${USER}@unix`, "--at", later]);
  const { operations } = JSON.parse(asked.output) as { operations: { code: number }[] };
  const open = await system.run(["credential", "rehearse", `${USER}@unix`]);
  expect(open).toMatchObject({ exitCode: EXIT.notNow, errors: expect.stringContaining("already open") });
  await system.good(["operations", "cancel", String(operations[0]?.code)]);
  const listed = await system.good(["operations", "list", "--details"]);
  expect(listed.output).toMatch(/version 1/);
});

test("a rehearsal that cannot log in says why, and one that has nothing to rehearse is refused", async () => {
  await target.run(["chpasswd"], `${USER}:Somebody-else-set-it-1\n`);
  const failed = await system.run(["credential", "rehearse", `${USER}@unix`]);
  expect(failed).toMatchObject({ exitCode: EXIT.notNow, errors: "It failed: auth.rejected.\n" });
  await system.good(["credential", "set-template", `${USER}@unix`]);
  const refused = await system.run(["credential", "rehearse", `${USER}@unix`]);
  expect(refused).toMatchObject({ exitCode: EXIT.data, errors: expect.stringContaining("names none") });
  await system.good(["credential", "set-template", `${USER}@unix`, "linux-own"]);
  const shipped = await system.good(["template", "list", "--name=linux-own"]);
  expect(shipped.output).toContain("linux-own (shipped)");
});
