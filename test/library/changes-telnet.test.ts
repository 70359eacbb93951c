import { afterAll, beforeAll, it } from "vitest";
import { startTelnetTarget } from "../../scripts/targets/telnetd.ts";
import { sshLogsIn } from "../helpers/ssh-login.ts";
import { describeOnSshd } from "../helpers/ssh.ts";
import { accountsNamed, Ground, prove } from "./ground.ts";
import { ROUTER_ACCOUNT, routerLogsIn, startRouter, startSshBefore } from "./routers.ts";

const ROOT = { username: "root", password: "Root-Passw0rd-1x" };
const PASSWORD = "Old-Passw0rd-1x";
const OWN = accountsNamed("own");
const OTHERS = accountsNamed("other");

const PACKAGES = ["openssh-server", "sudo", "frr", "inetutils-telnetd", "inetutils-inetd"] as const;

describeOnSshd("changes by template over Telnet, and of routers", PACKAGES, () => {
  let ground: Ground;
  beforeAll(async () => void (ground = await Ground.open()));
  afterAll(() => ground?.close());

  it("telnetd, ten accounts at once", async () => {
    const target = await startTelnetTarget({
      users: [...OWN, ...OTHERS].map(({ username, password }) => ({ name: username, password })),
      rootPassword: ROOT.password,
    });
    const { address, port, accounts } = target;
    const common = {
      device: { address, port },
      // The same accounts log in over SSH.
      logsIn: (username: string, password: string) => sshLogsIn(accounts.port, username, password),
    };
    try {
      await prove(ground, { ...common, way: "telnet/change-password/linux-own.txt", accounts: OWN });
      const way = "telnet/change-password/linux-root.txt";
      await prove(ground, { ...common, way, administrator: ROOT, accounts: OTHERS });
    } finally {
      await target.stop();
    }
  });

  it("FRR over Telnet, several routers at once: each has one password", async () => {
    const routers = await Promise.all(Array.from({ length: 5 }, () => startRouter(PASSWORD)));
    try {
      const proofs = routers.map(({ address, port }) =>
        prove(ground, {
          way: "telnet/change-password/frr-line-and-enable.txt",
          device: { address, port },
          accounts: [{ username: ROUTER_ACCOUNT, password: PASSWORD }],
          logsIn: (_, password) => routerLogsIn(port, password),
        }),
      );
      await Promise.all(proofs);
      // What was not saved would be gone.
      await Promise.all(routers.map((router) => router.restart()));
      for (const { port } of routers)
        if (await routerLogsIn(port, PASSWORD)) throw new Error("the old password is back");
    } finally {
      await Promise.all(routers.map((router) => router.stop()));
    }
  });

  it("FRR as the log-in shell of SSH, with enable mode", async () => {
    const router = await startRouter(PASSWORD);
    const sshd = await startSshBefore(router);
    try {
      await prove(ground, {
        way: "ssh/change-password/frr-line-and-enable.txt",
        device: { address: sshd.address, port: sshd.port, pinnedIdentity: sshd.fingerprint },
        accounts: [{ username: ROUTER_ACCOUNT, password: PASSWORD }],
        logsIn: (username, password) => sshLogsIn(sshd.port, username, password),
      });
    } finally {
      await sshd.stop();
      await router.stop();
    }
  });
});
