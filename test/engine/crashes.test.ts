/**
 * The core of the kill matrix: where something may have been sent. `test/full/engine` has all of it, for each plugin and
 * way of changing.
 */
import { describeAsRoot } from "../helpers/needs.ts";
import { connectionCuts } from "./connection-cuts.ts";
import { killMatrix } from "./kill-matrix.ts";
import { openLinuxTarget } from "./linux-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { serverRestarts } from "./server-restarts.ts";

killMatrix("postgresql, own account", () => openPostgresTarget("own"), ["applied", "before-commit"]);
connectionCuts("postgresql, own account", () => openPostgresTarget("own"));
serverRestarts("postgresql, through an administrator", () => openPostgresTarget("administrator"));

describeAsRoot("linux", ["openssh-server"], () => {
  killMatrix("linux, own account", () => openLinuxTarget("own"), ["after-point"]);
  killMatrix("linux, through root", () => openLinuxTarget("root"), ["applied"]);
});
