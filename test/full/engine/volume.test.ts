/** A hundred changes at once on one sshd. */
import { openLinuxTarget } from "../../engine/linux-target.ts";
import { manyChanges } from "../../engine/volume.ts";
import { describeAsRoot } from "../../helpers/needs.ts";

describeAsRoot("linux", ["openssh-server"], () => {
  manyChanges("linux", () => openLinuxTarget("root"), { count: 100, permits: 8 });
});
