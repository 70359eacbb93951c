/** Many credentials' stories at once, on grounds that fail under them; afterwards everything must hold. */
import type { Plan } from "./commands.ts";
import { makePlan } from "./commands.ts";
import { falseAnswers } from "./answers.ts";
import { readTouches, type Touch } from "./device-log.ts";
import { type Facts, readFacts } from "./facts.ts";
import { runFaults } from "./faults.ts";
import { Grounds } from "./grounds.ts";
import { type Sent, strayChanges, touchedAfterCancel, unapproved, unexplained, wrongVersions } from "./invariants.ts";
import { isVerifierOf } from "./scram.ts";
import { SequenceRun } from "./sequence-run.ts";
import { changeAll, mend, settle } from "./settle.ts";

export interface Sizes {
  readonly sequences: number;
  /** Operations that each sequence asks for, at least. */
  readonly episodes: number;
  readonly moreFaults: number;
}

/** Lives through a plan. @returns what was not as it must be, with the stories it happened in; and what was seen */
export async function live(seed: number, sizes: Sizes): Promise<{ broken: string[]; seen: string }> {
  const plan = makePlan(seed, sizes);
  const grounds = await Grounds.open();
  try {
    return await liveOn(grounds, plan);
  } finally {
    await grounds.close();
  }
}

async function liveOn(grounds: Grounds, plan: Plan): Promise<{ broken: string[]; seen: string }> {
  const subjects = await grounds.addSubjects(plan.sequences);
  const runs = plan.sequences.map((sequence, index) => {
    const subject = subjects[index];
    if (!subject) throw new Error("a sequence has no subject");
    return new SequenceRun(grounds, sequence, subject);
  });
  const ids = subjects.map(({ credentialId }) => credentialId);
  const faults: string[] = [];
  const begunAt = Date.now();
  const times: number[] = [];
  const time = () => times.push(Math.round((Date.now() - begunAt) / 1000));
  await Promise.all([...runs.map((run) => run.run()), runFaults(grounds, plan.faults, faults)]);
  time();
  await mend(grounds);
  const broken = await settle(grounds, ids);
  const settled = broken.length === 0;
  time();
  if (settled) {
    broken.push(...(await checkDoubts(grounds, await readFacts(grounds.estate, ids), runs)));
    broken.push(...(await changeAll(grounds, runs)));
  }
  time();

  const facts = await readFacts(grounds.estate, ids);
  const touches = await readTouches(grounds.target.log);
  broken.push(...unexplained(facts), ...wrongVersions(facts), ...unapproved(facts));
  broken.push(...strayChanges(facts, await attribute(grounds, { facts, touches, runs })));
  for (const { subject, entries, broken: own } of runs)
    broken.push(
      ...own,
      ...touchedAfterCancel(facts, subject, touches),
      ...falseAnswers(facts, subject.credentialId, entries),
    );
  broken.push(...(await checkLogins(grounds, facts, runs)));
  time();
  return {
    broken: broken.length === 0 ? [] : [...broken, ...stories(plan, { runs, facts, faults, broken })],
    seen: `${count(facts, runs, faults)}\nstories until ${times[0]} s, settled ${times[1]} s, all changed ${times[2]} s, checked ${times[3]} s`,
  };
}

/** Which operation's password each change of an account was; the device stores only a verifier of it. */
async function attribute(
  { estate }: Grounds,
  { facts, touches, runs }: { facts: Facts; touches: readonly Touch[]; runs: readonly SequenceRun[] },
): Promise<Sent[]> {
  const credentialOf = new Map(runs.map(({ subject }) => [subject.username, subject.credentialId]));
  const changes = touches.filter(({ kind, role }) => kind === "change" && credentialOf.has(role));
  return Promise.all(
    changes.map(async (touch) => {
      const kept = facts.versions
        .filter(({ credentialId, sealed }) => credentialId === credentialOf.get(touch.role) && sealed !== null)
        .toSorted((a, b) => Math.abs(a.createdAt.getTime() - touch.at) - Math.abs(b.createdAt.getTime() - touch.at));
      for (const version of kept)
        if (await isVerifierOf(touch.verifier ?? "", estate.open(version)))
          return { ...touch, code: version.operationCode ?? undefined };
      return { ...touch, code: undefined };
    }),
  );
}

/** Before anybody helps: the current password logs in, or a person is asked and a kept one in doubt does. */
async function checkDoubts(grounds: Grounds, facts: Facts, runs: readonly SequenceRun[]): Promise<string[]> {
  const waiting = facts.credentials.filter(({ attention }) => attention !== null);
  const found = await Promise.all(
    waiting.map(async ({ id }) => {
      const username = runs.find(({ subject }) => subject.credentialId === id)?.subject.username ?? "";
      const own = facts.versions.filter(({ credentialId }) => credentialId === id);
      const kept = own.filter(({ status }) => status === "current" || status === "doubtful");
      const open = await Promise.all(kept.map((version) => grounds.logsIn(username, grounds.estate.open(version))));
      return open.includes(true) ? [] : [`${username} waits for a person, and no kept password logs in`];
    }),
  );
  return found.flat();
}

/** At the end nobody is asked for, and every current password logs in. */
async function checkLogins(grounds: Grounds, facts: Facts, runs: readonly SequenceRun[]): Promise<string[]> {
  const asked = facts.credentials
    .filter(({ attention }) => attention !== null)
    .map(({ username, attention }) => `${username} still waits for a person: ${attention}`);
  const locked = await Promise.all(
    runs.map(async ({ subject: { username, credentialId } }) => {
      const stored = await grounds.estate.currentPassword(credentialId);
      return (await grounds.logsIn(username, stored)) ? [] : [`the stored password of ${username} does not log in`];
    }),
  );
  return [...asked, ...locked.flat()];
}

/** The commands and audits of what broke: named by the code or the account in the sentences. */
function stories(
  plan: Plan,
  {
    runs,
    facts,
    faults,
    broken,
  }: { runs: readonly SequenceRun[]; facts: Facts; faults: readonly string[]; broken: readonly string[] },
): string[] {
  const text = broken.join("\n");
  const told = runs.flatMap(({ subject, sequence, story }) => {
    const own = facts.operations.filter(({ credentialId }) => credentialId === subject.credentialId);
    const named = [subject.username, subject.credentialId, ...own.map(({ code }) => String(code))];
    if (!named.some((name) => new RegExp(`\\b${name}\\b`).test(text))) return [];
    const audits = own.map(
      ({ code, audit }) =>
        `  ${code}: ${audit.map((row) => `${row.action} ${row.at.toFixed(0)} ${JSON.stringify(row.details)}`).join("; ")}`,
    );
    return [
      `${subject.username} (${sequence.rule}, ${sequence.through}):`,
      ...story.map((line) => `  ${line}`),
      ...audits,
    ];
  });
  return [`seed ${plan.seed}`, "faults:", ...faults.map((line) => `  ${line}`), ...told];
}

function count(facts: Facts, runs: readonly SequenceRun[], faults: readonly string[]): string {
  const states = Map.groupBy(facts.operations, ({ state }) => state);
  const entries = runs.flatMap((run) => run.entries);
  const answers = Map.groupBy(
    entries,
    ({ action, status, refusal }) => `${action} ${status}${refusal ? ` ${refusal}` : ""}`,
  );
  const list = (groups: Map<string, readonly unknown[]>) =>
    [...groups]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, items]) => `${name}: ${items.length}`)
      .join(", ");
  const attempts = facts.operations.flatMap(({ attemptRows }) => attemptRows);
  const outcomes = list(Map.groupBy(attempts, ({ outcome }) => outcome ?? "none"));
  const repairs = list(
    Map.groupBy(
      facts.operations.flatMap(({ audit }) => audit).filter(({ action }) => action.startsWith("repair.")),
      ({ action }) => action,
    ),
  );
  return [
    `${facts.operations.length} operations (${list(states)})`,
    `${attempts.length} attempts (${outcomes}), ${attempts.filter(({ steps }) => steps.some(({ step }) => step === "probe")).length} probed`,
    `${entries.length} answers (${list(answers)})`,
    `${faults.length} failures; mended: ${repairs || "nothing"}`,
  ].join("\n");
}
