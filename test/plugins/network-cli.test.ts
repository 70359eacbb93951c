import { describeAsRoot } from "../helpers/needs.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./network-cli.conformance.ts";

describeAsRoot("network-cli", ["frr"], () => testConformance(conformance));
