import { Secret } from "../../contracts/secret.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import { startOpenLdapTarget } from "../../scripts/targets/openldap.ts";
import type { Conformance } from "./conformance-cases.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");

export const conformance: Conformance = {
  kind: "ldap",
  server: "OpenLDAP 2.5, Samba AD 4.17",
  leftOut: {
    trusting: "a directory checks the password of every log-in that has one (RFC 4513), and none without one is made",
  },
  async start(plugin: Plugin) {
    const target = await startOpenLdapTarget();
    const { address, port, ca, administrator, people } = target;
    const userDn = `uid={username},${people}`;
    const device = { address, port, settings: plugin.settings.parse({ caCertificate: ca, userDn }) };
    await target.addPerson("administrator", administrator.password);
    return {
      device,
      untrusted: { ...device, settings: plugin.settings.parse({ userDn }) },
      administrator: {
        username: "administrator",
        domain: "",
        additionalInfo: "",
        password: new Secret(administrator.password),
      },
      newAccount: ({ username, password }) => target.addPerson(username, password.reveal()),
      trusting: { device, username: "nobody" },
      oddUsernames: [
        `o'brien"s`,
        String.raw`back\slash`,
        "a,b+c=d;e<f>g",
        "*)(uid=*",
        " leading and trailing ",
        "#hash",
        "Ünïcødé 用户",
        "x".repeat(200),
      ],
      oddPasswords: [PRINTABLE, " spaces around ", `'"\\$\`%;--`, "x", "{SSHA}AAAA", "y".repeat(127)],
      impossiblePassword: "two\nlines",
      keepsSessions: true,
      stop: () => target.stop(),
    };
  },
};
