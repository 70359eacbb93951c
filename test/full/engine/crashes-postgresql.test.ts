/** The whole kill matrix on postgresql. */
import { connectionCuts } from "../../engine/connection-cuts.ts";
import { killMatrix } from "../../engine/kill-matrix.ts";
import { openPostgresTarget } from "../../engine/postgresql-target.ts";
import { serverRestarts } from "../../engine/server-restarts.ts";

for (const through of ["own", "administrator"] as const) {
  const open = () => openPostgresTarget(through);
  killMatrix(`postgresql, through ${through}`, open);
  connectionCuts(`postgresql, through ${through}`, open);
  serverRestarts(`postgresql, through ${through}`, open);
}
