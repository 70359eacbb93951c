import { Secret } from "../../contracts/secret.ts";
import type { Login } from "../../plugins/plugin.ts";
import { startFrrTarget } from "../../scripts/targets/frr.ts";
import type { Conformance } from "./conformance-cases.ts";

const ONE = "FRR's command line has one password and no accounts; users are tested against an imitation";
const NO_IDENTITY = "FRR's command line is reached over Telnet, which has no identity";

export const conformance: Conformance = {
  kind: "network-cli",
  server: "FRR 8.4 (staticd)",
  leftOut: {
    others: ONE,
    odd: `${ONE}; odd passwords are in odd-own`,
    many: ONE,
    "unknown-account": ONE,
    "no-right": ONE,
    identity: NO_IDENTITY,
    "wrong-identity": NO_IDENTITY,
  },
  oneAccount: true,
  async start(plugin) {
    const first = "First-Passw0rd";
    const target = await startFrrTarget({ password: first });
    const open = await startFrrTarget({});
    const deviceOf = ({ address, port }: { address: string; port: number }) => ({
      address,
      port,
      settings: plugin.settings.parse({ transport: "telnet", account: "line", longestPassword: 80 }),
    });
    // Whoever has the one password is everybody.
    let present: Login = { username: "", domain: "", additionalInfo: "", password: new Secret(first) };
    return {
      device: deviceOf(target),
      untrusted: deviceOf(target),
      get administrator() {
        return { ...present, username: "administrator" };
      },
      async newAccount(login) {
        present = login;
        await target.reset({ password: login.password.reveal() });
      },
      trusting: { device: deviceOf(open), username: "trusted" },
      oddUsernames: [],
      oddPasswords: ["a!#%&*+,-./:=@^_~", "9-digits", "y".repeat(80)],
      impossiblePassword: "two words",
      keepsSessions: false,
      async stop() {
        await target.stop();
        await open.stop();
      },
    };
  },
};
