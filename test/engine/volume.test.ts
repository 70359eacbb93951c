/** Many changes at once; `test/full/engine` has a hundred on sshd, where each costs much. */
import { describeAsRoot } from "../helpers/needs.ts";
import { openLinuxTarget } from "./linux-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { manyChanges } from "./volume.ts";

manyChanges("postgresql", () => openPostgresTarget("administrator"), { count: 200, permits: 20 });
describeAsRoot("linux", ["openssh-server"], () => {
  manyChanges("linux", () => openLinuxTarget("root"), { count: 25, permits: 8 });
});
