import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mariadb";
import pg from "pg";
import { afterAll, beforeAll, it } from "vitest";
import { startMariadbTarget } from "../../scripts/targets/mariadb.ts";
import { startOpenLdapTarget, withDirectory } from "../../scripts/targets/openldap.ts";
import { startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { startRedisTarget } from "../../scripts/targets/redis.ts";
import { startSambaAdTarget } from "../../scripts/targets/samba-ad.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { accountsNamed, Ground, prove } from "./ground.ts";

const SAMBA = ["samba", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules"] as const;
const OWN = accountsNamed("own");
const OTHERS = accountsNamed("other");

describeAsRoot(
  "changes of databases and directories, ten at once",
  ["mariadb-server", "redis-server", "slapd", ...SAMBA],
  () => {
    let ground: Ground;
    beforeAll(async () => void (ground = await Ground.open()));
    afterAll(() => ground?.close());

    it("PostgreSQL, by template", async () => {
      const target = await startPostgresTarget();
      const { address, port, ca, administrator } = target;
      const common = {
        way: "postgresql/change-password/role.txt",
        device: { address, port, settings: { postgresql: { caCertificate: ca } } },
        logsIn: (user: string, password: string) =>
          whether(/password authentication failed/, async () => {
            const client = new pg.Client({ host: address, port, user, password, database: "postgres", ssl: { ca } });
            try {
              await client.connect();
            } finally {
              await client.end().catch(() => {});
            }
          }),
      };
      try {
        await target.createRoles([...OWN, ...OTHERS].map(({ username: name, password }) => ({ name, password })));
        await prove(ground, { ...common, accounts: OWN });
        await prove(ground, { ...common, administrator, accounts: OTHERS });
      } finally {
        await target.stop();
      }
    });

    it("MariaDB, by template", async () => {
      const target = await startMariadbTarget();
      const { address, port, ca, administrator } = target;
      const common = {
        device: { address, port, settings: { mysql: { caCertificate: ca } } },
        additionalInfo: address,
        logsIn: (user: string, password: string) =>
          whether(/Access denied/, async () => {
            const connection = await createConnection({ host: address, port, user, password, ssl: { ca } });
            await connection.end();
          }),
      };
      try {
        for (const { username, password } of [...OWN, ...OTHERS]) await target.createUser(username, password);
        await prove(ground, { ...common, way: "mysql/change-password/mariadb-own.txt", accounts: OWN });
        const way = "mysql/change-password/mariadb-account.txt";
        await prove(ground, { ...common, way, administrator, accounts: OTHERS });
      } finally {
        await target.stop();
      }
    });

    it("OpenLDAP, by template", async () => {
      const target = await startOpenLdapTarget();
      const { address, port, ca, administrator, people, suffix } = target;
      const url = `ldaps://${address}:${port}`;
      const common = {
        way: "ldap/change-password/openldap.txt",
        device: { address, port, settings: { ldap: { caCertificate: ca, baseDn: suffix } } },
        logsIn: (uid: string, password: string) =>
          whether(/Invalid Credentials|0x31/i, () =>
            withDirectory({ url, ca, username: `uid=${uid},${people}`, password }, async () => {}),
          ),
      };
      try {
        for (const { username, password } of [...OWN, ...OTHERS]) await target.addPerson(username, password);
        await prove(ground, { ...common, accounts: OWN });
        await prove(ground, { ...common, administrator, accounts: OTHERS });
      } finally {
        await target.stop();
      }
    });

    it("Active Directory of Samba, by template", async () => {
      const target = await startSambaAdTarget();
      const { address, port, ca, administrator, domain } = target;
      const url = `ldaps://${address}:${port}`;
      const common = {
        device: { address, port, settings: { ldap: { directory: "active-directory", caCertificate: ca } } },
        logsIn: (name: string, password: string) =>
          whether(/Invalid Credentials|52e/i, () =>
            withDirectory({ url, ca, username: `${name}@${domain}`, password }, async () => {}),
          ),
      };
      try {
        for (const { username, password } of [...OWN, ...OTHERS]) await target.addUser(username, password);
        await prove(ground, { ...common, way: "ldap/change-password/active-directory-own.txt", accounts: OWN });
        const way = "ldap/change-password/active-directory.txt";
        await prove(ground, { ...common, way, administrator, accounts: OTHERS });
      } finally {
        await target.stop();
      }
    });

    it("Redis, whose plugin needs no template", async () => {
      const target = await startRedisTarget();
      const { address, port, ca, administrator, folder } = target;
      try {
        for (const { username, password } of OTHERS) await target.createUser(username, password);
        await prove(ground, {
          way: "redis",
          device: { address, port, settings: { redis: { caCertificate: ca } } },
          administrator,
          accounts: OTHERS,
          logsIn: async (username, password) => {
            const where = ["--tls", "--cacert", join(folder, "ca.pem"), "-h", address, "-p", String(port)];
            const { stdout } = await promisify(execFile)("redis-cli", [...where, "--user", username, "PING"], {
              env: { PATH: "/usr/bin:/bin", REDISCLI_AUTH: password },
            });
            return stdout.trim() === "PONG";
          },
        });
      } finally {
        await target.stop();
      }
    });
  },
);

/** Whether a log-in succeeds: what it rejects with must be the server's no. */
async function whether(refusal: RegExp, login: () => Promise<void>): Promise<boolean> {
  try {
    await login();
    return true;
  } catch (error) {
    if (refusal.test(String(error))) return false;
    throw error;
  }
}
