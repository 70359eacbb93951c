import { expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { PluginFailure } from "../../plugins/plugin.ts";
import { startMariadbTarget } from "../../scripts/targets/mariadb.ts";
import { startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { startSambaAdTarget } from "../../scripts/targets/samba-ad.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { login } from "../helpers/ssh.ts";
import { changeBy, logsIn, runBy } from "./by-plugin.ts";

const FIRST = "Old-Passw0rd-1x";
const SAMBA = ["samba", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules"] as const;

it("PostgreSQL: roles come and go, log in or not, and are members or not", async () => {
  const target = await startPostgresTarget();
  try {
    const { address, port, ca, administrator } = target;
    const device = { address, port, settings: { tls: "verify", caCertificate: ca } };
    const place = { device, by: login(administrator.username, administrator.password) };
    const template = (kind: string) => `postgresql/${kind}/role.txt`;
    const USERNAME = `o'brien"; DROP ROLE postgres; --`;
    const values = { USERNAME, GRUPO_NOME: 'the "group"' };
    const roles = async () => {
      const rows = await target.run("select rolname, rolcanlogin from pg_roles where rolname !~ '^(pg_|postgres$)'");
      return Object.fromEntries(rows.map(({ rolname, rolcanlogin }) => [rolname, rolcanlogin]));
    };
    const members = () => target.run("select roleid::regrole::text as of from pg_auth_members where grantor <> 0");
    const before = (await members()).length;
    await runBy(template("user-creation"), values, place);
    await runBy(template("group-creation"), values, place);
    expect(await roles()).toEqual({ [USERNAME]: true, 'the "group"': false });
    await runBy(template("user-creation-in-group"), values, place);
    expect(await members()).toHaveLength(before + 1);
    await runBy(template("user-deletion-in-group"), values, place);
    expect(await members()).toHaveLength(before);
    await runBy(template("credential-inactivation"), values, place);
    expect(await roles()).toMatchObject({ [USERNAME]: false });
    await runBy(template("credential-activation"), values, place);
    expect(await roles()).toMatchObject({ [USERNAME]: true });
    await runBy(template("user-deletion"), values, place);
    await runBy(template("group-deletion"), values, place);
    expect(await roles()).toEqual({});
    await expect(runBy(template("user-deletion"), values, place)).rejects.toBeInstanceOf(PluginFailure);
    await changeBy(template("ephemeral-credential-creation"), login(USERNAME, FIRST), place);
    const again = changeBy(template("ephemeral-credential-creation"), login(USERNAME, FIRST), place);
    await expect(again).rejects.toMatchObject({ code: "account.exists", refused: true });
    for (const time of ["there", "gone"]) {
      await runBy(template("ephemeral-credential-removal"), values, place);
      expect(await roles(), time).toEqual({});
    }
  } finally {
    await target.stop();
  }
});

describeAsRoot("MariaDB", ["mariadb-server"], () => {
  it("locks an account and unlocks it", async () => {
    const target = await startMariadbTarget();
    try {
      const { address, port, ca, administrator } = target;
      const device = { address, port, settings: { tls: "verify", caCertificate: ca } };
      const place = { device, by: login(administrator.username, administrator.password) };
      await target.createUser("app", FIRST);
      const values = { USERNAME: "app", ADD_INFO: address };
      const account = { ...login("app", FIRST), additionalInfo: address };
      const path = "mysql/credential-inactivation/mariadb-account.txt";
      expect(await logsIn({ path, device }, account)).toBe(true);
      await runBy(path, values, place);
      const locked = await target.run(
        "SELECT JSON_VALUE(Priv, '$.account_locked') AS locked FROM mysql.global_priv WHERE User = 'app'",
      );
      expect(locked).toEqual([{ locked: "1" }]);
      await runBy("mysql/credential-activation/mariadb-account.txt", values, place);
      expect(await logsIn({ path, device }, account)).toBe(true);
      await expect(runBy(path, { ...values, USERNAME: "nobody" }, place)).rejects.toBeInstanceOf(PluginFailure);
    } finally {
      await target.stop();
    }
  });
});

describeAsRoot("Active Directory of Samba", SAMBA, () => {
  it("switches a user off and on", async () => {
    const target = await startSambaAdTarget();
    try {
      const { address, port, ca, administrator, domain } = target;
      const settings = { directory: "active-directory", tls: "ldaps", caCertificate: ca };
      const device = { address, port, settings };
      const place = {
        device,
        by: { ...administrator, domain, additionalInfo: "", password: new Secret(administrator.password) },
      };
      await target.addUser("ann", FIRST);
      const control = async () => Number((await target.entry("ann"))["userAccountControl"]);
      await runBy("ldap/credential-inactivation/active-directory.txt", { USERNAME: "ann" }, place);
      expect(await control()).toBe(514);
      await runBy("ldap/credential-activation/active-directory.txt", { USERNAME: "ann" }, place);
      expect(await control()).toBe(512);
      const nobody = { USERNAME: "*" };
      await expect(runBy("ldap/credential-inactivation/active-directory.txt", nobody, place)).rejects.toThrow(
        /no entry/,
      );
    } finally {
      await target.stop();
    }
  });
});
