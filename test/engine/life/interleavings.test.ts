/** Random stories of credentials under failing servers; the seed is printed, and gives the same stories again. */
import { expect, it } from "vitest";
import { live } from "./life.ts";

const seed = Number(process.env["KEYTURN_LIFE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Longer than a run that fails waits for what never ends: it must still tell what that was. */
const LIMIT_MS = 600_000;

it(
  `25 sequences hold, whatever happens at the same time (KEYTURN_LIFE_SEED=${seed})`,
  async () => {
    const { broken, seen } = await live(seed, { sequences: 25, episodes: 5, moreFaults: 4 });
    process.stdout.write(`KEYTURN_LIFE_SEED=${seed}\n${seen}\n`);
    expect(broken.join("\n")).toBe("");
  },
  LIMIT_MS,
);
