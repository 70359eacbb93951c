/** 500 random stories under failing servers, a hundred at a time; the seeds are printed. */
import { expect, it } from "vitest";
import { live } from "../../engine/life/life.ts";

const first = Number(process.env["KEYTURN_LIFE_SEED"] ?? Math.floor(Math.random() * 2 ** 30));

it.each([0, 1, 2, 3, 4])(`100 sequences hold, part %i from KEYTURN_LIFE_SEED=${first}`, async (part) => {
  const { broken, seen } = await live(first + part, { sequences: 100, episodes: 6, moreFaults: 14 });
  process.stdout.write(`seed ${first + part}\n${seen}\n`);
  expect(broken.join("\n")).toBe("");
});
