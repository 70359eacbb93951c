import { describeOnSshd } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./tk-expect.conformance.ts";

describeOnSshd("tk-expect", ["openssh-server", "inetutils-telnetd", "inetutils-inetd"], () =>
  testConformance(conformance),
);
