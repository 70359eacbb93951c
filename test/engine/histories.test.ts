/** Recorded histories of every path: they replay on the present workflows, tell their story, and hold no name or secret. */
import { Worker } from "@temporalio/worker";
import { beforeAll, describe, expect, it } from "vitest";
import { isErrorCode } from "../../contracts/errors.ts";
import { DEFAULT_SITE, DRIFT_SCHEDULE, POLICY_SCHEDULE, REPAIR_SCHEDULE } from "../../contracts/ids.ts";
import { OPERATION_KINDS, OPERATION_STATES, STEPS, WAITING_FOR } from "../../contracts/states.ts";
import {
  CANARY,
  clearText,
  FAR_SITE,
  type HistoryEvent,
  payloadsIn,
  PROCESS,
  readRecorded,
  recordedNames,
  type RecordedHistory,
  storyOf,
  titlesOf,
} from "../helpers/histories.ts";
import { type PathName, STORIES } from "../helpers/histories-stories.ts";
import { prebuiltWorkflows } from "../helpers/temporal.ts";

const PATHS = Object.keys(STORIES) as PathName[];

/** Everything that a payload may say besides ids, numbers and codes of the catalogue. */
const WORDS: ReadonlySet<string> = new Set([
  ...OPERATION_KINDS,
  ...OPERATION_STATES,
  ...STEPS,
  ...WAITING_FOR,
  DEFAULT_SITE,
  FAR_SITE,
  DRIFT_SCHEDULE,
  POLICY_SCHEDULE,
  REPAIR_SCHEDULE,
  ..."failed in-doubt parked not-yours apply-again undecided waiting again ended approved".split(" "),
  ..."accepted rejected unknown seen".split(" "),
]);
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
/** Words, numbers, times and codes: nothing that a password generator or a host would make. */
const TITLE = /^(([A-Z]?[a-z]+([-.'][a-z]+)*|\d+|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|UTC)[,:;]?( |$))+$/;

const recorded = new Map<PathName, RecordedHistory>();

beforeAll(async () => {
  for (const path of PATHS) recorded.set(path, await readRecorded(path));
});

function historyOf(path: PathName): RecordedHistory {
  const found = recorded.get(path);
  if (!found) throw new Error(`no history of ${path}`);
  return found;
}

/** What replaying the history on the present workflows complains of. */
async function replay({ workflowId, history }: RecordedHistory): Promise<string | undefined> {
  const workflowBundle = { codePath: await prebuiltWorkflows() };
  try {
    await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

it("each path has its history, and each history its path", async () => {
  expect(await recordedNames()).toEqual(PATHS.toSorted());
});

it("all of them replay on the present workflows", async () => {
  const workflowBundle = { codePath: await prebuiltWorkflows() };
  const replayed: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, recorded.values())) {
    expect(error, workflowId).toBeUndefined();
    replayed.push(workflowId);
  }
  expect(replayed.toSorted()).toEqual([...recorded.values()].map(({ workflowId }) => workflowId).toSorted());
});

describe("a history that these workflows did not make does not replay", () => {
  const edited = (path: PathName, edit: (events: HistoryEvent[]) => HistoryEvent[]): RecordedHistory => {
    const { workflowId, history } = structuredClone(historyOf(path));
    return { workflowId, history: { events: edit([...history.events]) } };
  };
  const named = (text: string, from: string, to: string) => JSON.parse(text.replaceAll(`"${from}"`, `"${to}"`));

  it("with another activity", async () => {
    const wrong = edited("succeeded", (events) => named(JSON.stringify(events), "change", "probe"));
    expect(await replay(wrong)).toContain("[TMPRL1100]");
  });

  it("with a child that is not started any more", async () => {
    const wrong = edited("succeeded-with-children", (events) => named(JSON.stringify(events), "chain", "change"));
    expect(await replay(wrong)).toContain("[TMPRL1100]");
  });

  it("with another answer", async () => {
    const answer = (kind: string) => Buffer.from(JSON.stringify({ kind, attempt: 1 })).toString("base64");
    const wrong = edited("rejected", (events) =>
      events.map((event) =>
        event.eventType === "EVENT_TYPE_ACTIVITY_TASK_COMPLETED"
          ? JSON.parse(JSON.stringify(event).replace(/"data":"[^"]+"/, `"data":"${answer("in-doubt")}"`))
          : event,
      ),
    );
    expect(await replay(wrong)).toContain("[TMPRL1100]");
  });
});

describe.for(PATHS)("%s", (path) => {
  it("tells its story", () => {
    expect(storyOf(historyOf(path))).toEqual(STORIES[path]);
  });

  it("says ids, times, limits and codes, and nothing else", () => {
    const { history } = historyOf(path);
    const said = history.events.map(({ userMetadata: _titles, ...event }) => event).flatMap(payloadsIn);
    const texts = said.flatMap(leaves).filter((leaf) => typeof leaf === "string");
    const isAllowed = (text: string) => WORDS.has(text) || isErrorCode(text) || ID.test(text) || TIME.test(text);
    expect(texts.filter((text) => !isAllowed(text))).toEqual([]);
  });

  it("has titles of plain words", () => {
    const titles = titlesOf(historyOf(path));
    expect(titles.length).toBeGreaterThan(0);
    for (const title of titles) expect(title).toMatch(TITLE);
  });

  it("has no name, address or password that its recording used", () => {
    const history = historyOf(path);
    const text = clearText(history) + JSON.stringify(history);
    for (const secret of [CANARY, "127.0.0.1"]) expect(text).not.toContain(secret);
    expect(leaves(history).filter((leaf) => typeof leaf === "string" && PROCESS.test(leaf))).toEqual([]);
  });
});

function leaves(value: unknown): unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [value];
}
