import { describeOnSshd } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./linux.conformance.ts";

describeOnSshd("linux", ["openssh-server", "sudo"], () => testConformance(conformance));
