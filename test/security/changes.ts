import { setTimeout as sleep } from "node:timers/promises";
import type { Attempt, LiveProgress, Operation } from "../../contracts/operations.schema.ts";
import type { Estate } from "./estate.ts";
import type { Found } from "./find-leaks.ts";
import type { Targets } from "./targets.ts";
import type { Web } from "./web.ts";

const ENDED = new Set(["succeeded", "error", "canceled", "expired"]);

/** Requests a change of the account through the API. */
async function requestChange(web: Web, estate: Estate, username: string): Promise<number> {
  const { operations } = await web.get<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
    headers: { "idempotency-key": `change-${username}-${crypto.randomUUID()}` },
    body: { credentialIds: [estate[username]], reason: "test" },
  });
  const [operation] = operations;
  if (!operation) throw new Error(`no change of ${username} was accepted`);
  return operation.code;
}

/** Asks until `done` says so. Details hold what the device said, so each answer is kept and searched. */
async function follow(web: Web, code: number, done: (seen: Seen) => boolean): Promise<Seen> {
  const giveUpAt = Date.now() + 120_000;
  for (;;) {
    const seen = await web.get<Seen>("GET", `/v1/operations/${code}`);
    if (done(seen)) return seen;
    if (Date.now() > giveUpAt) throw new Error(`operation ${code} stays ${JSON.stringify(seen)}`);
    await sleep(200);
  }
}

export type Seen = Operation & { readonly attemptList: readonly Attempt[]; readonly progress: LiveProgress | null };

/** Waits until the operation has ended. */
export function ended(web: Web, code: number): Promise<Seen> {
  return follow(web, code, ({ state }) => ENDED.has(state));
}

/** Waits until the cut connection was noticed: an attempt failed, or its password is looked for. */
function noticed(web: Web, code: number): Promise<Seen> {
  return follow(web, code, ({ state, attemptList }) => {
    const [first] = attemptList;
    return ENDED.has(state) || Boolean(first?.outcome) || Boolean(first?.steps.some(({ step }) => step === "probe"));
  });
}

interface Stage {
  readonly web: Web;
  readonly estate: Estate;
  readonly targets: Targets;
  /** Reads all that Temporal shows now. */
  look(): Promise<readonly Found[]>;
}

/** Changes every account: most at once, one while its device is silent, two whose connections are cut. */
export async function changes({ web, estate, targets, look }: Stage) {
  const administrators = ["pgadmin", "sshadmin"];
  const special = ["pgstalled", "pgcut", "sshcut"];
  const plain = Object.keys(estate).filter((name) => ![...administrators, ...special].includes(name));
  const ends: Record<string, Seen> = {};
  const change = async (username: string) => {
    ends[username] = await ended(web, await requestChange(web, estate, username));
  };
  await Promise.all(plain.map(change));
  await Promise.all(administrators.map(change));
  const live = await duringStall({ web, estate, targets, look }, ends);
  targets.postgresProxy.cutAfter({ fromDevice: 3000 });
  targets.sshdProxy.cutAfter({ fromDevice: 2000 });
  const cut = await Promise.all(
    [targets.postgresProxy, targets.sshdProxy].map(async (proxy, index) => {
      const username = ["pgcut", "sshcut"][index] ?? "";
      const code = await requestChange(web, estate, username);
      await noticed(web, code);
      proxy.resume();
      return [username, await ended(web, code)] as const;
    }),
  );
  return { ends: { ...ends, ...Object.fromEntries(cut) }, live };
}

/** Looks at Temporal while the worker waits for the device, and heartbeats. */
async function duringStall({ web, estate, targets, look }: Stage, ends: Record<string, Seen>) {
  targets.postgresProxy.stall();
  const code = await requestChange(web, estate, "pgstalled");
  await follow(web, code, ({ progress, state }) => ENDED.has(state) || Boolean(progress?.heartbeat));
  const live = await look();
  targets.postgresProxy.resume();
  ends["pgstalled"] = await ended(web, code);
  return live;
}
