import { Secret } from "../../contracts/secret.ts";
import { startRedisTarget } from "../../scripts/targets/redis.ts";
import type { Conformance } from "./conformance-cases.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
/** Rights of an account that may change its own password. */
const OWN = ["on", "~*", "+ping", "+multi", "+exec", "+acl|getuser", "+acl|setuser", "+acl|save", "+config|get"];

export const conformance: Conformance = {
  kind: "redis",
  server: "Redis 7.0",
  leftOut: {
    "no-right": "whoever may change its own password may change every one: the ACLs of Redis are no finer",
  },
  async start(plugin) {
    const target = await startRedisTarget();
    await target.run("ACL", "SETUSER", "trusted", "on", "nopass", "+ping");
    const device = {
      address: target.address,
      port: target.port,
      settings: plugin.settings.parse({ caCertificate: target.ca }),
    };
    const { username, password } = target.administrator;
    return {
      device,
      untrusted: { ...device, settings: plugin.settings.parse({}) },
      administrator: { username, domain: "", additionalInfo: "", password: new Secret(password) },
      newAccount: (login) => target.createUser(login.username, login.password.reveal(), OWN),
      trusting: { device, username: "trusted" },
      oddUsernames: [
        `o'brien"s`,
        String.raw`back\slash`,
        "$dollar;--",
        "Ünïcødé用户",
        "*",
        "#hash",
        ">pw",
        "x".repeat(200),
      ],
      oddPasswords: [PRINTABLE, " spaces around ", `'"\\$\`%;--`, "x", "#".repeat(64), "y".repeat(512)],
      impossiblePassword: "two\nlines",
      keepsSessions: true,
      stop: () => target.stop(),
    };
  },
};
