/**
 * Records histories of every path, or of those named, on real servers: node test/helpers/record-histories.ts [PATH...]
 * A recording that does not tell its path's story is made again; one that tells a name or a password is an error.
 */
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Ground } from "./histories-ground.ts";
import { CHAINS } from "./histories-of-chains.ts";
import { DOUBTS } from "./histories-of-doubts.ts";
import { WAITS } from "./histories-of-waits.ts";
import type { Recipe } from "./histories-recipes.ts";
import type { Scene } from "./histories-scene.ts";
import { type PathName, STORIES } from "./histories-stories.ts";
import { CANARY, clearText, type RecordedHistory, storyOf, writeRecorded } from "./histories.ts";

const RECIPES: Readonly<Record<PathName, Recipe>> = { ...DOUBTS, ...WAITS, ...CHAINS };
const AT_ONCE = 2;
/** On a busy machine two things that happen at once may come in the other order. */
const TRIES = 4;

/** What Temporal says must be what the row says. */
async function proveEnd({ estate }: Scene, { workflowId }: RecordedHistory, story: readonly string[]): Promise<void> {
  const [, code] = /^operation-(\d+)-/.exec(workflowId) ?? [];
  const [, state] = /^ends: (.*)$/.exec(story.at(-1) ?? "") ?? [];
  if (code === undefined || state === undefined) return;
  const row = await estate.operation(Number(code));
  if (row.state !== state) throw new Error(`the workflow says ${state}, and the row ${row.state}`);
}

async function proveSilent(scene: Scene, recorded: RecordedHistory): Promise<void> {
  const told = clearText(recorded) + JSON.stringify(recorded);
  for (const secret of [CANARY, "127.0.0.1", ...(await scene.passwords())])
    if (told.includes(secret)) throw new Error("the history tells a name, an address or a password");
}

async function record(ground: Ground, path: PathName): Promise<boolean> {
  const { settings = {}, impatient = false, record: bringAbout }: Recipe = RECIPES[path];
  return ground.withScene({ settings, impatient }, async (scene) => {
    const recorded = await bringAbout(scene);
    const story = storyOf(recorded);
    await proveEnd(scene, recorded, story);
    await proveSilent(scene, recorded);
    if (isDeepStrictEqual(story, [...STORIES[path]])) {
      await writeRecorded(path, recorded);
      return true;
    }
    console.log(`${path} told another story: ${JSON.stringify(story, undefined, 1)}`);
    return false;
  });
}

async function recordPatiently(ground: Ground, path: PathName): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries += 1)
    if (await record(ground, path)) {
      console.log(`recorded ${path}`);
      return;
    }
  throw new Error(`no recording of ${path} told its story`);
}

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((path) => !Object.hasOwn(STORIES, path));
if (unknown.length > 0) throw new Error(`no such path: ${unknown.join(", ")}`);
const paths = positionals.length > 0 ? positionals : Object.keys(STORIES);
const queue = [...paths] as PathName[];
const ground = await Ground.open();
const failed: PathName[] = [];
const lane = async () => {
  for (let path = queue.shift(); path; path = queue.shift()) {
    const name = path;
    await recordPatiently(ground, name).catch((error: unknown) => {
      console.error(`${name}:`, error);
      failed.push(name);
    });
  }
};
try {
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
} finally {
  await ground.close();
}
console.log(
  `${paths.length - failed.length} of ${paths.length} paths recorded${failed.map((path) => `; not ${path}`).join("")}`,
);
if (failed.length > 0) process.exitCode = 1;
