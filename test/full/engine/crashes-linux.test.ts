/** The whole kill matrix on linux. */
import { connectionCuts } from "../../engine/connection-cuts.ts";
import { killMatrix } from "../../engine/kill-matrix.ts";
import { openLinuxTarget } from "../../engine/linux-target.ts";
import { serverRestarts } from "../../engine/server-restarts.ts";

for (const through of ["own", "root"] as const) {
  const open = () => openLinuxTarget(through);
  killMatrix(`linux, through ${through}`, open);
  connectionCuts(`linux, through ${through}`, open);
  serverRestarts(`linux, through ${through}`, open);
}
