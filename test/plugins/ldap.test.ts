import { describeAsRoot } from "../helpers/needs.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./ldap.conformance.ts";

describeAsRoot("ldap on OpenLDAP", ["slapd"], () => testConformance(conformance));
