/** Random stories of credentials under failing servers; the seed is printed, and gives the same stories again. */
import { expect, it } from "vitest";
import { makePlan } from "./commands.ts";
import { live } from "./life.ts";

const seed = Number(process.env["KEYTURN_LIFE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

const sizes = { sequences: 25, episodes: 5, moreFaults: 4 };

it(`25 sequences hold, whatever happens at the same time (KEYTURN_LIFE_SEED=${seed})`, async () => {
  const { broken, seen } = await live(seed, sizes);
  process.stdout.write(`KEYTURN_LIFE_SEED=${seed}\n${seen}\n`);
  expect(broken.join("\n")).toBe("");
});

it("a seed gives the same commands and failures again", () => {
  expect(makePlan(seed, sizes)).toEqual(makePlan(seed, sizes));
  expect(makePlan(seed, sizes)).not.toEqual(makePlan(seed + 1, sizes));
});
