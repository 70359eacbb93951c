import { describeAsRoot } from "../helpers/needs.ts";
import { killMatrix } from "./kill-matrix.ts";
import { openLinuxTarget } from "./linux-target.ts";

describeAsRoot("linux", ["openssh-server", "sudo"], () => {
  killMatrix("linux, own account", () => openLinuxTarget("own"));
  killMatrix("linux, through root", () => openLinuxTarget("root"));
});
