import { describeAsRoot } from "../helpers/needs.ts";
import { testConformance } from "./conformance.ts";
import { conformance } from "./redis.conformance.ts";

describeAsRoot("redis", ["redis-server"], () => testConformance(conformance));
