/** Jobs and ephemeral credentials by the command line, against a real api, worker and sshd. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import type { Operation } from "../../contracts/operations.schema.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { CREATE, REMOVE } from "../engine/ephemeral-scene.ts";
import { typed } from "../engine/jobs-scene.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { System } from "./system.ts";

const TEMPLATES = {
  "ssh/group-creation/Make a group.txt": typed("groupadd [#GRUPO_NOME#]"),
  "ssh/user-creation/Make a user.txt": CREATE,
  "ssh/ephemeral-credential-creation/Make a guest.txt": CREATE,
  "ssh/ephemeral-credential-removal/Remove a guest.txt": REMOVE,
};

describeAsRoot("keyturn operations create and keyturn ephemeral", ["openssh-server"], () => {
  let system: System;
  let target: SshTarget;
  let folder: string;
  beforeAll(async () => {
    const rootPassword = `Root-${randomBytes(8).toString("hex")}`;
    [system, target, folder] = await Promise.all([
      System.start(),
      startSshTarget({ users: [], rootPassword }),
      mkdtemp(join(tmpdir(), "keyturn-jobs-")),
    ]);
    for (const [path, body] of Object.entries(TEMPLATES)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), body);
    }
    const approver = (
      await system.run(["token", "create", "p", "--owner", "Petra", "--role", "approver"])
    ).output.trim();
    await system.good(["template", "import", folder]);
    for (const name of ["make a group", "make a user", "make a guest", "remove a guest"])
      await system.good(["template", "approve", name], "", approver);
    const settings = join(folder, ".settings.json");
    await writeFile(settings, JSON.stringify({ ssh: {} }));
    await system.good(["device", "add", "unix", "127.0.0.1", `--port=${target.port}`, `--settings=${settings}`]);
    await system.good(["device", "trust", "unix", "--yes"]);
    await system.good(["credential", "add", "root@unix", "--plugin=ssh"], `${rootPassword}\n`);
  });
  afterAll(async () => {
    await system?.stop();
    await target?.stop();
    await rm(folder, { recursive: true });
  });

  test("a group is made, and what does not fit the template is refused with the field", async () => {
    const group = ["operations", "create", "group-creation", "--login=root@unix", "--device=unix"];
    const refused = await system.run([...group, "--template=make a group"]);
    expect(refused).toMatchObject({ exitCode: EXIT.data, errors: expect.stringContaining("parameters.group") });
    const made = [...group, "--template=make a group", "--parameter=group=night=shift", "--reason=new team", "--wait"];
    expect((await system.good(made)).output).toContain("group-creation");
    expect((await target.run(["getent", "group", "night=shift"])).code).toBe(0);
    expect(await system.run(["operations", "create", "change-password"])).toMatchObject({ exitCode: EXIT.usage });
  });

  test("a user is made with a password, which the registered credential then has", async () => {
    const add = ["credential", "add", "new-user@unix", "--plugin=ssh", "--authenticator=root@unix", "--no-password"];
    await system.good(add);
    const { errors } = await system.good([
      "operations",
      "create",
      "user-creation",
      "--credential=new-user@unix",
      "--template=make a user",
      "--wait",
    ]);
    expect(errors).toContain("keyturn credential reveal");
    const custodian = ["token", "create", "c2", "--owner", "Carl", "--role", "custodian"];
    const token = (await system.good(custodian)).output.trim();
    const password = (
      await system.good(["credential", "reveal", "new-user@unix", "--reason=first"], "", token)
    ).output.trim();
    expect(await answer(target, "new-user", password)).toBe("verify.accepted");
  });

  test("an account is made for eight hours, and run-now removes it earlier", async () => {
    const who = ["--login=root@unix", "--pattern=guest-####"];
    const how = ["--template=make a guest", "--removal=remove a guest", "--for=8h", "--wait"];
    const ran = await system.good(["-o", "json", "ephemeral", "create", "unix"].concat(who, how));
    const [creation, removal] = JSON.parse(ran.output) as [Operation, Operation];
    expect(creation).toMatchObject({ state: "succeeded", kind: "ephemeral-credential-creation" });
    expect(removal).toMatchObject({ state: "scheduled", kind: "ephemeral-credential-removal", waitingFor: "time" });
    const custodian = ["token", "create", "c", "--owner", "Cleo", "--role", "custodian"];
    const token = (await system.good(custodian)).output.trim();
    const reveal = ["credential", "reveal", creation.credentialId, "--reason=guest"];
    const password = (await system.good(reveal, "", token)).output.trim();
    expect(await answer(target, creation.target.username, password)).toBe("verify.accepted");
    expect(await system.run(["operations", "cancel", String(removal.code)])).toMatchObject({ exitCode: EXIT.notNow });
    await system.good(["operations", "run-now", String(removal.code)]);
    await system.good(["operations", "watch", String(removal.code)]);
    expect((await target.run(["getent", "passwd", creation.target.username])).code).not.toBe(0);
  });
});
