/**
 * Every function that may move an operation to another state, called on an operation in each of the seven states:
 * exactly the transitions of the table happen, each at least once, and nothing else changes a state.
 */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { mayMove, OPERATION_ACTIONS, OPERATION_STATES, type OperationState } from "../../contracts/states.ts";
import { expireOperation } from "../../db/queries/approvals.ts";
import { succeedJob } from "../../db/queries/job-attempt.ts";
import { act } from "../../db/queries/operation-actions.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { promote } from "../../db/queries/promote.ts";
import { expireUntaken, noteQueued, reviveRun } from "../../db/queries/repair.ts";
import { retarget } from "../../db/queries/retarget.ts";
import { settle } from "../../db/queries/settle.ts";
import { succeedCheck } from "../../db/queries/verify-operation.ts";
import { needApprovals } from "../helpers/approvals.ts";
import { Estate } from "../helpers/estate.ts";
import { tryStage } from "../helpers/staging.ts";

const settings = Settings.parse({ intervalMinutes: 0 });
const record = { steps: [], transcript: "", detail: "" };

let estate: Estate;
let count = 0;
beforeAll(async () => {
  estate = await Estate.open();
});
afterAll(() => estate.close());

const write = (code: number, change: ReturnType<typeof sql>) =>
  estate.db.execute(sql`update operations set ${change} where code = ${code}`);

/** The latest attempt, or one that never was: whoever has lost an operation still says so. */
async function claim(code: number) {
  const last = (await estate.attempts(code)).at(-1);
  return { code, number: last?.number ?? 1, epoch: last?.epoch ?? 1 };
}

async function trySettle(code: number, reason: Parameters<typeof settle>[1]["reason"]) {
  const { run } = await estate.operation(code);
  await settle(estate.db, { ...(await claim(code)), run, reason, settings });
}

const tryPromote = async (code: number) => promote(estate.db, await claim(code), { record });

async function tryExpire(code: number) {
  await write(code, sql`approval_expires_at = case when state = 'awaiting-approval' then now() end`);
  const { run } = await estate.operation(code);
  await expireOperation(estate.db, { code, run });
}

/** A new operation, brought into the state the way operations come there. */
const REACH: Readonly<Record<OperationState, (code: number) => Promise<unknown>>> = {
  "awaiting-approval": async () => {},
  scheduled: (code) => estate.act("approve", code, "Ben"),
  running: async (code) => (await estate.act("approve", code, "Ben"), tryStage(estate, code, settings)),
  succeeded: async (code) => (await REACH.running(code), tryPromote(code)),
  error: async (code) => (await REACH.running(code), trySettle(code, "target.needs-human")),
  canceled: (code) => estate.act("cancel", code),
  expired: tryExpire,
};

async function reach(state: OperationState): Promise<number> {
  count += 1;
  // A device of its own: its permits are free, and it may be moved.
  const deviceId = await estate.addDevice({ address: "127.0.0.1" });
  const id = await estate.addCredential({ deviceId, plugin: "postgresql", username: `user${count}`, password: "old" });
  const [code = 0] = await estate.request(id);
  await REACH[state](code);
  expect((await estate.operation(code)).state).toBe(state);
  return code;
}

const MOVERS: Readonly<Record<string, (code: number) => Promise<unknown>>> = {
  ...Object.fromEntries(
    OPERATION_ACTIONS.map((action) => [action, (code: number) => estate.act(action, code, "Cleo").catch(() => {})]),
  ),
  "a second approval where two are wanted": async (code) => {
    await write(code, sql`approval = jsonb_set(approval, '{levels,0,approvals}', '2')`);
    await estate.act("approve", code, "Cleo").catch(() => {});
  },
  "approve, too late": async (code) => {
    await write(code, sql`approval_expires_at = now()`);
    await estate.db.transaction(async (tx) => {
      await act(tx, "approve", { codes: [code], actor: { actor: "test", person: "Cleo" }, plugins: [] });
    });
  },
  expire: tryExpire,
  stage: (code) => tryStage(estate, code, settings),
  "stage, no longer eligible": (code) => tryStage(estate, code, settings, "credential.inactive"),
  "stage, something else than was approved": async (code) => {
    await write(code, sql`approval_digest = 'of something else'`);
    await tryStage(estate, code, settings);
  },
  promote: tryPromote,
  "settle, again": (code) => trySettle(code, "target.unreachable"),
  "settle, for good": (code) => trySettle(code, "target.needs-human"),
  "settle, in doubt": (code) => trySettle(code, "change.unverified"),
  probe: async (code) => {
    const { run } = await estate.operation(code);
    await takeOver(estate.db, { code, run, settleMs: () => 0, wakeInMs: 1000 });
  },
  "a check that found the password good": async (code) => {
    const accepted = { record, code: "verify.accepted" } as const;
    await succeedCheck(estate.db, await claim(code), accepted);
  },
  "a job that came to its end": async (code) => {
    await succeedJob(estate.db, await claim(code), record);
  },
  "a chain that takes it over": async (code) => {
    const parent = await estate.operation(code);
    await estate.db.transaction((tx) => retarget(tx, parent, [code]));
  },
  "the sweep: a new run": async (code) => {
    await reviveRun(estate.db, { code, run: (await estate.operation(code)).run });
  },
  "the sweep: in its queue": (code) => noteQueued(estate.db, code, "queue"),
  "no worker": async (code) => {
    await write(code, sql`due_at = now() - interval '2 days'`);
    await expireUntaken(estate.db, code, Settings.parse({}));
  },
};

it("all functions in all states make exactly the moves of the table", async () => {
  await needApprovals(estate.db, 1);
  const seen = new Set<string>();
  for (const from of OPERATION_STATES)
    for (const [name, move] of Object.entries(MOVERS)) {
      const code = await reach(from);
      const before = (await estate.audit(code)).length;
      await move(code);
      const { state: to, openCredentialId } = await estate.operation(code);
      const said = (await estate.audit(code)).slice(before).map(({ action }) => action);
      if (to === from)
        expect(
          said.filter((action) => action === `operation.${to}`),
          `${name} in ${from}`,
        ).toEqual([]);
      else {
        expect(mayMove(from, to), `${name}: ${from} to ${to}`).toBe(true);
        expect(said, `${name}: ${from} to ${to}`).toContainEqual(
          expect.stringMatching(from === "error" ? /restarted$/ : new RegExp(`operation\\.(${to}|retargeted)$`)),
        );
        seen.add(`${from} → ${to}`);
      }
      expect(openCredentialId !== null, `${name}: ${to}`).toBe(
        ["scheduled", "awaiting-approval", "running"].includes(to),
      );
    }
  const table = OPERATION_STATES.flatMap((from) =>
    OPERATION_STATES.filter((to) => mayMove(from, to)).map((to) => `${from} → ${to}`),
  );
  expect([...seen].toSorted()).toEqual(table.toSorted());
});
