/** Every plugin there is, wrapped: the only way to one. */
import { ldap } from "./ldap/index.ts";
import { linux } from "./linux/index.ts";
import { guard } from "./middleware/guard.ts";
import { mysql } from "./mysql/index.ts";
import { networkCli } from "./network-cli/index.ts";
import { oracle } from "./oracle/index.ts";
import type { Plugin } from "./plugin.ts";
import { postgresql } from "./postgresql/index.ts";
import { redis } from "./redis/index.ts";
import { sshKey } from "./ssh-key/index.ts";
import { sqlServer } from "./sql-server/index.ts";
import { ssh } from "./ssh/index.ts";
import { sshLegacy } from "./ssh-legacy/index.ts";
import { telnet } from "./telnet/index.ts";
import { tkExpect } from "./tk-expect/index.ts";

export const PLUGINS: readonly Plugin[] = [
  ldap,
  linux,
  mysql,
  networkCli,
  oracle,
  postgresql,
  redis,
  sqlServer,
  ssh,
  sshKey,
  sshLegacy,
  telnet,
  tkExpect,
].map(guard);

/** The plugin of this kind; undefined when there is none. */
export function findPlugin(kind: string): Plugin | undefined {
  return PLUGINS.find((plugin) => plugin.kind === kind);
}
