import { Secret } from "../../contracts/secret.ts";
import { startMariadbTarget } from "../../scripts/targets/mariadb.ts";
import type { Conformance } from "./conformance-cases.ts";

const PRINTABLE = Array.from({ length: 79 }, (_, index) => String.fromCharCode(32 + index)).join("");
const REST = Array.from({ length: 16 }, (_, index) => String.fromCharCode(111 + index)).join("");

export const conformance: Conformance = {
  kind: "mysql",
  server: "MariaDB 10.11",
  async start(plugin) {
    const target = await startMariadbTarget();
    const open = await startMariadbTarget({ options: ["--skip-grant-tables"] }).catch(async (error: unknown) => {
      await target.stop();
      throw error;
    });
    const deviceOf = ({ address, port, ca }: typeof target) => ({
      address,
      port,
      settings: plugin.settings.parse({ caCertificate: ca }),
    });
    const device = deviceOf(target);
    const { username, password } = target.administrator;
    return {
      device,
      untrusted: { ...device, settings: plugin.settings.parse({}) },
      administrator: { username, domain: "", additionalInfo: "", password: new Secret(password) },
      newAccount: (login) => target.createUser(login.username, login.password.reveal()),
      trusting: { device: deviceOf(open), username: "trusted" },
      oddUsernames: [
        `o'brien"s`,
        String.raw`back\slash`,
        "$dollar; DROP USER root; --",
        "Ünïcødé 用户",
        " leading",
        "`tick` @ '%'",
        "UPPER.lower-9",
        "x".repeat(80),
      ],
      oddPasswords: [PRINTABLE, REST, " spaces around ", `'"\\$\`%;--`, "x", `*${"A".repeat(40)}`, "y".repeat(79)],
      impossiblePassword: "two\nlines",
      keepsSessions: true,
      stop: async () => {
        await Promise.all([target.stop(), open.stop()]);
      },
    };
  },
};
