import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { MARKER, newKey } from "../../plugins/ssh-key/key.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { describeOnSshd } from "../helpers/ssh.ts";
import { accountsNamed, Ground, prove } from "../library/ground.ts";
import { addAccount, homeOf } from "./ssh-key.conformance.ts";

const run = promisify(execFile);
const withKeys = (prefix: string) => accountsNamed(prefix).map((one) => ({ ...one, password: newKey().reveal() }));

describeOnSshd(
  "keys through the engine, ten at once, each proven by OpenSSH's own client",
  ["openssh-server", "sudo"],
  () => {
    let ground: Ground;
    let target: SshTarget;
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "keyturn-ssh-key-"));
      target = await startSshTarget({ users: [], sudoers: "keymaster ALL=(ALL) NOPASSWD: /usr/bin/sh" });
      ground = await Ground.open();
    });
    afterAll(async () => {
      await ground?.close();
      await target?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const device = () => ({ address: target.address, port: target.port, pinnedIdentity: target.fingerprint });
    const make = ({ username, password }: { username: string; password: string }) =>
      addAccount(target, { username, domain: "", additionalInfo: "", password: new Secret(password) });

    async function logsIn(username: string, key: string): Promise<boolean> {
      const file = join(folder, username);
      await writeFile(file, key, { mode: 0o600 });
      const options = [
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
      ];
      const words = ["-F", "none", "-i", file, "-p", String(target.port), ...options.flatMap((each) => ["-o", each])];
      try {
        await run("ssh", [...words, `${username}@${target.address}`, "true"]);
        return true;
      } catch (error) {
        expect(String(error)).toContain("Permission denied (publickey");
        return false;
      }
    }

    it("accounts that change their own", async () => {
      const accounts = withKeys("own");
      for (const each of accounts) await make(each);
      await prove(ground, { way: "ssh-key", device: device(), accounts, logsIn });
      for (const { username } of accounts) {
        const { stdout } = await target.run(["cat", `${homeOf(username)}/.ssh/authorized_keys`]);
        expect(stdout).toMatch(new RegExp(`^ssh-ed25519 \\S+ ${MARKER}-\\w{12}\n$`));
      }
    });

    it("an account that may be others", async () => {
      const accounts = withKeys("other");
      const administrator = { username: "keymaster", password: newKey().reveal() };
      for (const each of [administrator, ...accounts]) await make(each);
      await prove(ground, { way: "ssh-key", device: device(), administrator, accounts, logsIn });
      expect(await logsIn("keymaster", administrator.password)).toBe(true);
    });
  },
);
