import { describeOnSshd } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./telnet.conformance.ts";

describeOnSshd("telnet", ["openssh-server", "inetutils-telnetd", "inetutils-inetd"], () =>
  testConformance(conformance),
);
