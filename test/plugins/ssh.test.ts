import { describeOnSshd } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./ssh.conformance.ts";

describeOnSshd("ssh", ["openssh-server", "sudo"], () => testConformance(conformance));
