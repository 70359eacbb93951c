/** Recorded histories: their files, their payloads in clear, and the story they tell. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../histories", import.meta.url));

/** A name and texts that recordings put wherever a name, host, reason or password stands: no history may hold it. */
export const CANARY = "hush";

/** A site that no worker serves. */
export const FAR_SITE = "elsewhere";

/** An event as Temporal's tools write it to JSON. */
export interface HistoryEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

export interface RecordedHistory {
  readonly workflowId: string;
  readonly history: { readonly events: readonly HistoryEvent[] };
}

/** Names of the recorded paths, by the files that are there. */
export async function recordedNames(): Promise<string[]> {
  return (await readdir(FOLDER)).map((file) => file.replace(/\.json$/, "")).toSorted();
}

export async function readRecorded(name: string): Promise<RecordedHistory> {
  return JSON.parse(await readFile(join(FOLDER, `${name}.json`), "utf8")) as RecordedHistory;
}

/** One event a line, so that two recordings can be compared. */
export async function writeRecorded(name: string, { workflowId, history }: RecordedHistory): Promise<void> {
  const events = history.events.map((event) => `  ${JSON.stringify(event, withoutThisMachine)}`);
  const text = `{"workflowId": ${JSON.stringify(workflowId)}, "history": {"events": [\n${events.join(",\n")}\n]}}\n`;
  await writeFile(join(FOLDER, `${name}.json`), text);
}

/** Names a process by its number and its machine. */
export const PROCESS = /^\d+@/;

/** Replays need neither who did a task nor where the code lay. */
function withoutThisMachine(key: string, value: unknown): unknown {
  if (key === "stackTrace") return "";
  return typeof value === "string" && PROCESS.test(value) ? "process@machine" : value;
}

interface Payload {
  readonly data: string;
  readonly metadata: Readonly<Record<string, string>>;
}

function isPayload(value: object): value is Payload {
  return "metadata" in value && "data" in value && typeof value.data === "string";
}

/** What the payloads below hold, decoded: of arguments, results, heartbeats, summaries and whatever else there is. */
export function payloadsIn(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (isPayload(value)) return [JSON.parse(Buffer.from(value.data, "base64").toString())];
  return Object.values(value).flatMap(payloadsIn);
}

/** The events with their payloads in clear, as text to search in. */
export function clearText({ history }: RecordedHistory): string {
  return JSON.stringify(history, (_key, value: unknown) =>
    typeof value === "object" && value !== null && isPayload(value) ? payloadsIn(value) : value,
  );
}

/** The titles that Temporal's pages show: of the run, of its activities, timers and children. */
export function titlesOf({ history }: RecordedHistory): string[] {
  return history.events.flatMap(({ userMetadata }) => payloadsIn(userMetadata)).map(String);
}

/**
 * What happened, a line a turn: signals, timers with their titles, what activities answered, children and the end.
 * A turn that was taken several times in a row is told once.
 */
export function storyOf({ history }: RecordedHistory): string[] {
  const activities = new Map<string, string>();
  const lines = history.events.flatMap((event) => {
    const told = tell(event, activities);
    return told === undefined ? [] : [told];
  });
  return toldOnce(lines);
}

/** The longest turn that may be repeated. */
const TURN = 4;

function toldOnce(lines: readonly string[]): string[] {
  const told: string[] = [];
  for (const line of lines) {
    told.push(line);
    for (let length = 1; length <= TURN; length += 1)
      if (told.slice(-length).join("\n") === told.slice(-2 * length, -length).join("\n") && told.length >= 2 * length)
        told.splice(-length);
  }
  return told;
}

function tell(event: HistoryEvent, activities: Map<string, string>): string | undefined {
  const attributes = attributesOf(event);
  const title = payloadsIn(event["userMetadata"]).map(String)[0] ?? "";
  const activity = activities.get(String(attributes["scheduledEventId"])) ?? "";
  switch (event.eventType.replace("EVENT_TYPE_", "")) {
    case "WORKFLOW_EXECUTION_SIGNALED":
      return `told: ${String(attributes["signalName"])}`;
    case "TIMER_STARTED":
      return title.replace(/, at most until .*/, "");
    case "TIMER_FIRED":
      return "time is over";
    case "ACTIVITY_TASK_SCHEDULED":
      activities.set(event.eventId, nameIn(attributes["activityType"]));
      return title || nameIn(attributes["activityType"]);
    case "ACTIVITY_TASK_COMPLETED":
      return `${activity}: ${answerIn(attributes["result"])}`;
    case "ACTIVITY_TASK_TIMED_OUT":
    case "ACTIVITY_TASK_FAILED":
      return `${activity}: lost`;
    case "START_CHILD_WORKFLOW_EXECUTION_INITIATED":
      return `starts ${nameIn(attributes["workflowType"])}`;
    case "START_CHILD_WORKFLOW_EXECUTION_FAILED":
      return "it was there already";
    case "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
      return "begins anew";
    case "WORKFLOW_EXECUTION_COMPLETED":
      return `ends: ${answerIn(attributes["result"])}`;
    default:
      return undefined;
  }
}

function attributesOf(event: HistoryEvent): Readonly<Record<string, unknown>> {
  const name = Object.keys(event).find((key) => key.endsWith("EventAttributes"));
  return (name === undefined ? {} : event[name]) as Record<string, unknown>;
}

function nameIn(type: unknown): string {
  return (type as { name: string }).name;
}

/** The word that says how it went, or what was counted; done when it is neither. */
function answerIn(result: unknown): string {
  const [answer] = payloadsIn(result);
  if (typeof answer === "string") return answer;
  if (typeof answer !== "object" || answer === null) return "done";
  if ("kind" in answer) return String(answer.kind);
  if ("verdict" in answer) return String(answer.verdict);
  const counts: [string, unknown][] = Object.entries(answer);
  if (counts.some(([, count]) => typeof count !== "number")) return "done";
  const some = counts.filter(([, count]) => count !== 0).map(([name, count]) => `${name} ${String(count)}`);
  return some.length > 0 ? some.join(", ") : "nothing";
}
