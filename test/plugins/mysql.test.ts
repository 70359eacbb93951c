import { describeAsRoot } from "../helpers/needs.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./mysql.conformance.ts";

describeAsRoot("mysql", ["mariadb-server"], () => testConformance(conformance));
