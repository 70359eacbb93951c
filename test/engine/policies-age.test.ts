import { ageScene } from "./policies-age.ts";

ageScene({ count: 150, jitterMinutes: 1, readyMs: 30_000, recordsPerCycle: 500, byHand: true });
