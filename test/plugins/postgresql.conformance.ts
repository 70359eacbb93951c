import { Secret } from "../../contracts/secret.ts";
import { startPostgresTarget } from "../../scripts/targets/postgres.ts";
import type { Conformance } from "./conformance-cases.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");

export const conformance: Conformance = {
  kind: "postgresql",
  server: "PostgreSQL 18.4",
  async start(plugin) {
    const target = await startPostgresTarget({
      hba: ["hostssl all trusted 127.0.0.1/32 trust", "hostssl all all 127.0.0.1/32 scram-sha-256"],
    });
    await target.createRoles([{ name: "trusted", password: "never asked for" }]);
    const { administrator } = target;
    const device = {
      address: target.address,
      port: target.port,
      settings: plugin.settings.parse({ caCertificate: target.ca }),
    };
    return {
      device,
      untrusted: { ...device, settings: plugin.settings.parse({}) },
      administrator: {
        username: administrator.username,
        domain: "",
        additionalInfo: "",
        password: new Secret(administrator.password),
      },
      newAccount: ({ username, password }) => target.createRoles([{ name: username, password: password.reveal() }]),
      trusting: { device, username: "trusted" },
      oddUsernames: [
        `o'brien"s`,
        String.raw`back\slash`,
        "$dollar; DROP ROLE postgres; --",
        "Ünïcødé 用户",
        " leading and trailing ",
        "UPPER.lower-9",
        "select",
        "x".repeat(63),
      ],
      oddPasswords: [PRINTABLE, " spaces around ", `'"\\$\`%;--`, "x", "SCRAM-SHA-256$4096:a$b:c", "y".repeat(128)],
      impossiblePassword: "two\nlines",
      keepsSessions: true,
      stop: () => target.stop(),
    };
  },
};
