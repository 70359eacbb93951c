/** One parent and fifty children on two kinds of system, one of them away; and chains over several pages under kills. */
import { setTimeout as sleep } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { act } from "../../../db/queries/operation-actions.ts";
import * as schema from "../../../db/schema/index.ts";
import { PLUGINS } from "../../../plugins/registry.ts";
import {
  addMembers,
  adopt,
  childrenOf,
  eventually,
  type Member,
  operationsOf,
  proveFollowed,
  proveOnce,
  settled,
} from "../../engine/family.ts";
import { openLinuxTarget } from "../../engine/linux-target.ts";
import { addTarget, type MatrixTarget } from "../../engine/matrix-target.ts";
import { openPostgresTarget } from "../../engine/postgresql-target.ts";
import { Estate } from "../../helpers/estate.ts";
import { describeAsRoot } from "../../helpers/needs.ts";
import { TestWorker } from "../../helpers/worker.ts";

type Opened<T> = T & { close(): Promise<void> };

let estate: Estate;
const workers: TestWorker[] = [];

beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await estate.close();
});

async function startWorker(): Promise<void> {
  workers.push(await TestWorker.start(estate.surroundings));
}

async function request(parent: Member): Promise<number> {
  const [code = 0] = await estate.request(parent.credentialId);
  await estate.until(code, ["succeeded"]);
  return code;
}

/** How many of the operation's children are in each state. */
async function counts(code: number): Promise<Record<string, number>> {
  const made = await childrenOf(estate, code);
  const byState = Map.groupBy(made, ({ state }) => state);
  return Object.fromEntries([...byState].map(([state, { length }]) => [state, length]));
}

describeAsRoot("a parent with fifty children", ["openssh-server"], () => {
  let postgres: Opened<MatrixTarget>;
  let linux: Opened<MatrixTarget>;
  let away: Awaited<ReturnType<typeof openPostgresTarget>>;
  beforeAll(async () => {
    [postgres, linux, away] = await Promise.all([
      openPostgresTarget("administrator"),
      openLinuxTarget("root"),
      openPostgresTarget("own"),
    ]);
  });
  afterAll(async () => {
    await Promise.all([postgres.close(), linux.close(), away.close()]);
  });

  /** 25 on PostgreSQL, 24 on sshd, and one on a PostgreSQL server of its own. */
  async function fifty(): Promise<{ parent: Member; others: Member[]; lonely: Member }> {
    const on = async (target: MatrixTarget, count: number) =>
      addMembers(estate, { target, place: await addTarget(estate, target) }, count);
    const [parent, ...roles] = await on(postgres, 26);
    const users = await on(linux, 24);
    const [lonely] = await on(away, 1);
    if (!parent || !lonely) throw new Error("no account was made");
    const others = [...roles, ...users];
    await adopt(estate, parent, [...others, lonely]);
    return { parent, others, lonely };
  }

  it("49 have its value and prove it; the one whose device is away ends alone, and is restarted alone", async () => {
    const { parent, others, lonely } = await fifty();
    await startWorker();
    await away.kill();
    const code = await request(parent);
    await eventually(async () => expect(await counts(code)).toEqual({ succeeded: 49, error: 1 }), 300_000);
    await settled(estate);
    await proveFollowed(estate, parent, others);
    await proveOnce(estate, code, [...others, lonely]);
    const [failed] = await operationsOf(estate, lonely);
    expect(failed).toMatchObject({ state: "error", outcome: "target.unreachable", parentCode: code, attempts: 3 });
    expect((await estate.attempts(failed?.code ?? 0)).map(({ outcome }) => outcome)).toEqual(
      Array(3).fill("target.unreachable"),
    );
    expect(await operationsOf(estate, parent)).toMatchObject([{ code, state: "succeeded" }]);

    await away.start();
    expect(await lonely.logsIn(lonely.password)).toBe(true);
    const actor = { actor: "test", person: "tester" };
    await estate.db.transaction((tx) => act(tx, "restart", { codes: [failed?.code ?? 0], actor, plugins: PLUGINS }));
    await estate.until(failed?.code ?? 0, ["succeeded"]);
    await proveFollowed(estate, parent, [...others, lonely]);
    expect(await counts(code)).toEqual({ succeeded: 50 });
  });

  it("changed again, and again, while they run: all end on the newest value", async () => {
    const { parent, others, lonely } = await fifty();
    const children = [...others, lonely];
    await startWorker();
    const codes = [await request(parent)];
    for (const after of [5, 25]) {
      await eventually(async () =>
        expect((await counts(codes.at(-1) ?? 0))["succeeded"]).toBeGreaterThanOrEqual(after),
      );
      codes.push(await request(parent));
    }
    const isNewest = async () => {
      const [current] = await estate.db
        .select()
        .from(schema.secretVersions)
        .where(eq(schema.secretVersions.operationCode, codes.at(-1) ?? 0));
      for (const child of children) {
        const versions = await estate.versions(child.credentialId);
        expect(versions.find(({ status }) => status === "current")?.parentVersionId).toBe(current?.id);
      }
    };
    await eventually(isNewest, 300_000);
    await settled(estate);
    await proveFollowed(estate, parent, children);
    const all = (await Promise.all(children.map((child) => operationsOf(estate, child)))).flat();
    expect(all.filter(({ state }) => state !== "succeeded")).toEqual([]);
  });
});

it.each([1, 2, 3])("250 children, the worker killed again and again (round %i): each follows, once", async () => {
  const target = await openPostgresTarget("administrator");
  try {
    const place = await addTarget(estate, target);
    const [parent, ...children] = await addMembers(estate, { target, place }, 251);
    if (!parent) throw new Error("no account was made");
    await adopt(estate, parent, children);
    await startWorker();
    const code = await request(parent);
    for (let kill = 0; kill < 5; kill += 1) {
      await sleep(Math.random() * 1500);
      await workers.splice(0)[0]?.kill();
      await startWorker();
    }
    await eventually(async () => expect(await counts(code)).toEqual({ succeeded: 250 }), 300_000);
    await settled(estate);
    await proveFollowed(estate, parent, children);
    await proveOnce(estate, code, children);
  } finally {
    await target.close();
  }
});
