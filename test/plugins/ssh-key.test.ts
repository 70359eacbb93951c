import { describeOnSshd } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./ssh-key.conformance.ts";

describeOnSshd("ssh-key", ["openssh-server", "sudo"], () => testConformance(conformance));
