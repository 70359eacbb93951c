/** Reconciliation on sshd. */
import { openLinuxTarget } from "../../engine/linux-target.ts";
import { reconciles } from "../../engine/reconcile.ts";
import { describeAsRoot } from "../../helpers/needs.ts";

describeAsRoot("linux", ["openssh-server"], () => reconciles(() => openLinuxTarget("root")));
