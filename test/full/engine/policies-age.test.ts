import { ageScene } from "../../engine/policies-age.ts";

ageScene({ count: 5_000, jitterMinutes: 4, readyMs: 210_000, recordsPerCycle: 2_000, byHand: false });
