import { describe } from "vitest";
import { testConformance } from "./conformance.ts";
import { conformance } from "./postgresql.conformance.ts";

describe("postgresql", () => testConformance(conformance));
