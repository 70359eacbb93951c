import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { run } from "../../cli/program.ts";
import { testIo } from "../../cli/test-io.ts";
import { until } from "../../scripts/engine/ports.ts";
import { type Ran, System } from "./system.ts";

let system: System;
let folder: string;
let approver: string;
let viewer: string;

/** The command in this process, against the real system. */
async function keyturn(args: readonly string[], input = "", token = system.administrator): Promise<Ran> {
  const io = testIo({ typed: input, token });
  const exitCode = await run(["--url", system.url, ...args], io);
  return { exitCode, ...io.written() };
}

async function json<Answer>(args: readonly string[], input = "", token = system.administrator): Promise<Answer> {
  const ran = await keyturn(["-o", "json", ...args], input, token);
  expect(ran, ran.errors).toMatchObject({ exitCode: EXIT.ok });
  return JSON.parse(ran.output) as Answer;
}

const newToken = async (owner: string, role: string) =>
  (await keyturn(["token", "create", owner, "--owner", owner, "--role", role])).output.trim();

beforeAll(async () => {
  system = await System.start();
  folder = await mkdtemp(join(tmpdir(), "keyturn-life-"));
  for (const name of ["app", "child", "admin"]) await system.addRole(name, `First-password-${name}`);
  const settings = join(folder, "settings.json");
  await writeFile(settings, JSON.stringify({ postgresql: { caCertificate: system.certificates.ca } }));
  await json([
    "device",
    "add",
    "Main DB",
    "127.0.0.1",
    `--port=${system.targetPort}`,
    `--settings=${settings}`,
    "--site=default",
  ]);
  [approver, viewer] = await Promise.all([newToken("Petra", "approver"), newToken("Vera", "viewer")]);
});
afterAll(async () => {
  await system?.stop();
  await rm(folder, { recursive: true });
});

/** Requests a change for later. @returns its code */
async function later(account: string): Promise<string> {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const { operations } = await json<{ operations: { code: number }[] }>(["change", account, "--at", at]);
  return String(operations[0]?.code);
}

test("import registers from a file and from standard input, shows bad rows, and says by its exit code that there are some", async () => {
  const file = join(folder, "accounts.csv");
  const rows = ["app", "child", "admin"].map(
    (name) => `Main DB,${name},postgresql,yes,First-password-${name},${name === "child" ? "app" : ""}`,
  );
  await writeFile(
    file,
    `Device,Username,Change plugin,Automatic change,Current password,Parent username\n${rows.join("\n")}\n`,
  );
  const dry = await keyturn(["import", file, "--dry-run"]);
  expect(dry).toMatchObject({ exitCode: EXIT.ok, output: "" });
  expect(dry.errors).toBe("Of 3 rows 3 would be created, 0 would be updated, 0 unchanged, 0 refused.\n");
  expect(await json<unknown[]>(["credential", "list"])).toEqual([]);
  expect(await json(["import", file])).toMatchObject({ dryRun: false, created: 3, refused: 0 });
  const again = await keyturn(["import", "-"], `${await readFile(file, "utf8")}Nowhere,x,postgresql,yes,Sécret-9,\n`);
  expect(again).toMatchObject({ exitCode: EXIT.data });
  expect(again.errors).toContain("Of 4 rows 0 created, 0 updated, 3 unchanged, 1 refused.");
  expect(again.output).toMatch(/LINE +COLUMN[^\n]*\n +5 +Address +request.invalid/);
  expect(again.output + again.errors).not.toMatch(/Sécret|First-password/);
  expect((await keyturn(["import", join(folder, "missing.csv")])).exitCode).toBe(EXIT.notFound);
  expect((await keyturn(["import", "-"], "no headings\n")).errors).toContain("Column 1");
});

test("a policy is made, shown, edited, paused and resumed; a strength is made and chosen", async () => {
  const strength = await json<{ id: string; rules: object }>([
    "strength",
    "create",
    "Long",
    "--length",
    "40",
    "--symbols",
    "0",
    "--symbol-set",
    "",
  ]);
  expect(strength.rules).toMatchObject({ minLength: 40, maxLength: 40, symbols: 0, lowercase: 2 });
  expect((await keyturn(["strength", "list"])).output).toContain("Long");
  const impossible = await keyturn(["strength", "create", "Short", "--length", "2"]);
  expect(impossible.exitCode).toBe(EXIT.data);
  const policy = await json([
    "policy",
    "create",
    "Approved",
    "--priority",
    "9",
    "--strength",
    "long",
    "--max-age",
    "30d",
    "--after-view",
    "2h",
    "--after-session",
    "none",
    "--reuse",
    "1h",
    "--on-tag",
    "approved",
    "--approvals",
    "1",
    "--approver",
    "Petra",
    "--time-zone",
    "Europe/Berlin",
    "--age-days",
    "sat,sun",
    "--age-hours",
    "0-5",
    "--attempts",
    "2",
  ]);
  expect(policy).toMatchObject({
    strengthId: strength.id,
    maxAgeMinutes: 43_200,
    afterViewMinutes: 120,
    afterSessionMinutes: null,
    reuseMinutes: 60,
    criteria: { credentialTags: ["approved"] },
    windows: { timeZone: "Europe/Berlin", age: { days: [6, 7], hours: [0, 1, 2, 3, 4, 5] } },
    limits: { attempts: 2 },
    approval: { levels: [{ approvals: 1, approvers: ["Petra"] }] },
  });
  const file = join(folder, "policy.json");
  await writeFile(file, JSON.stringify({ jitterMinutes: 60 }));
  expect(
    await json(["policy", "edit", "approved", "--file", file, "--use-hours", "22,23", "--cool-down", "3"]),
  ).toMatchObject({
    jitterMinutes: 60,
    windows: { timeZone: "Europe/Berlin", age: { days: [6, 7] }, use: { hours: [22, 23] } },
    limits: { attempts: 2, coolDownDays: 3 },
  });
  const shown = await keyturn(["policy", "show", "Approved"]);
  expect(shown.output).toContain("30d");
  expect(shown.output).toContain('["approved"]');
  const paused = await keyturn(["policy", "pause", "Approved", "--reason", "audit"]);
  expect(paused.output).toContain("paused: audit");
  expect(await json<unknown[]>(["policy", "list", "--paused"])).toHaveLength(1);
  expect((await keyturn(["policy", "resume", "Approved"])).output).not.toContain("paused");
  for (const [args, rule] of [
    [["--max-age", "soon"], "'--max-age <time>'"],
    [["--age-days", "fri-mon"], "'--age-days <days>'"],
    [["--first-change", "never"], "manual, automatic"],
  ] as const) {
    const ran = await keyturn(["policy", "create", "Bad", ...args]);
    expect(ran.exitCode).toBe(EXIT.usage);
    expect(ran.errors).toContain(rule);
  }
  expect((await keyturn(["policy", "show", "nobody"])).exitCode).toBe(EXIT.notFound);
});

test("automatic changes are paused and resumed everywhere and by site", async () => {
  expect((await keyturn(["pause"])).output).toContain("paused");
  expect((await keyturn(["resume"])).output).toContain("on");
  expect(await json(["site", "pause", "default", "--reason", "moving"])).toMatchObject({
    paused: true,
    pausedReason: "moving",
  });
  expect((await keyturn(["site", "list"])).output).toContain("paused: moving");
  expect(await json(["site", "resume", "default"])).toMatchObject({ paused: false });
});

test("operations are approved, rejected, canceled and hurried by their codes, many at once, and each refusal is told", async () => {
  await keyturn(["import", "-"], "Device,Username,Credential tags\nMain DB,app,approved\nMain DB,admin,approved\n");
  const codes = [await later("app@main db"), await later("admin@main db")];
  expect(await json<object[]>(["operations", "list", "--state", "awaiting-approval"])).toHaveLength(2);
  const shown = await keyturn(["operations", "show", codes[0] ?? ""]);
  expect(shown.errors).toContain("Level 1 is asked.");
  expect((await keyturn(["operations", "approve", ...codes], "", viewer)).exitCode).toBe(EXIT.noPermission);
  const decided = await json<{ ok: boolean }[]>(["operations", "approve", ...codes, "--comment", "go"], "", approver);
  expect(decided.map(({ ok }) => ok)).toEqual([true, true]);
  expect((await keyturn(["operations", "show", codes[0] ?? ""])).output).toMatch(/Petra +approved .*go/);
  const twice = await keyturn(["operations", "approve", ...codes, "999999"], "", approver);
  expect(twice.exitCode).toBe(EXIT.notNow);
  expect(twice.output).toMatch(/999999 +none +no +operation.not-found/);
  expect(await json(["operations", "cancel", ...codes])).toMatchObject([{ state: "canceled" }, { state: "canceled" }]);
  const restarted = await keyturn(["operations", "restart", ...codes, "--at", "2030-01-01T00:00:00Z"]);
  expect(restarted.exitCode).toBe(EXIT.notNow);
  expect(restarted.output.match(/Canceled +no +operation.state/g)).toHaveLength(2);
  const third = await later("admin@main db");
  expect(await json(["operations", "reject", third], "", approver)).toMatchObject([{ ok: true, state: "canceled" }]);
  await keyturn(["import", "-"], "Device,Username,Credential tags\nMain DB,app,-\nMain DB,admin,-\n");
  const hurried = await later("app@main db");
  expect(await json(["operations", "run-now", hurried])).toMatchObject([{ ok: true }]);
  expect(await keyturn(["operations", "watch", hurried])).toMatchObject({ exitCode: EXIT.ok });
});

test("the child has changed after its parent, and both are found by every kind of filter", async () => {
  await until(
    async () =>
      (await json<object[]>(["operations", "list", "--kind", "child-password-change", "--state", "succeeded"]))
        .length === 1,
    {
      what: "the child's change",
      timeoutMs: 120_000,
    },
  );
  const [child] = await json<{ parentCode: number; code: number }[]>([
    "operations",
    "list",
    "--kind",
    "child-password-change",
  ]);
  const parent = String(child?.parentCode);
  expect((await keyturn(["operations", "show", parent])).output).toMatch(/CHILDREN +COUNT\nsucceeded +1/);
  const found = async (...args: string[]) =>
    (await json<{ code: number }[]>(["operations", "list", ...args])).map(({ code }) => code);
  expect(await found("--parent", parent)).toEqual([child?.code]);
  expect(await found("--credential", "child@main db", "--username", "x", "--username", "CHI")).toEqual([child?.code]);
  expect(
    await found(
      "--text",
      "main",
      "--device",
      "MAIN",
      "--site",
      "def",
      "--on-device",
      "main db",
      "--sort",
      "code",
      "--limit",
      "1",
    ),
  ).toHaveLength(1);
  expect(await found("--executed-from", "2030-01-01T00:00:00Z")).toEqual([]);
  const wide = await keyturn([
    "operations",
    "list",
    "--code",
    parent,
    "--code",
    String(child?.code),
    "--details",
    "--progress",
    "--count",
  ]);
  expect(wide.output).toContain("MESSAGE");
  expect(wide.errors).toContain("2 match.");
  const csv = (await keyturn(["operations", "export", "--kind", "child-password-change"])).output.trim().split(/\r?\n/);
  expect(csv).toHaveLength(2);
  expect((await keyturn(["operations", "counts"])).output).toMatch(/succeeded +[1-9]/);
  const wrong = await keyturn(["operations", "list", "--scheduled-from", "soon"]);
  expect(wrong).toMatchObject({ exitCode: EXIT.usage });
  expect(wrong.errors).toContain("'--scheduled-from <time>'");

  const children = await keyturn(["credential", "children", "app@main db"]);
  expect(children.output).toMatch(/child@Main DB +app@Main DB .*as its parent/);
  expect((await keyturn(["credential", "children"])).errors).toContain("Nothing found.");
  const attempts = await json<{ outcome: string; operation: { code: number } }[]>([
    "attempts",
    "list",
    "--outcome",
    "change.succeeded",
    "--username",
    "child",
  ]);
  expect(attempts.map(({ operation }) => operation.code)).toEqual([child?.code]);
  expect((await keyturn(["attempts", "counts"])).output).toMatch(/change.succeeded +[2-9]/);
  expect((await keyturn(["attempts", "counts", "--by", "device"])).output).toMatch(/DEVICE[^\n]*\nMain DB/);
});

test("versions are listed and restored; ended sessions and expiry are told; reconciliation needs its settings", async () => {
  const before = await keyturn(["credential", "versions", "child@main db"]);
  expect(before.output).toMatch(/2 +current +parent/);
  expect(await json(["credential", "restore", "child@main db", "--version", "1", "--reason", "test"])).toEqual({
    version: 1,
  });
  expect((await keyturn(["credential", "children", "app@main db", "--stale"])).output).toContain("stale");
  expect((await keyturn(["credential", "children"])).output).toContain("child@Main DB");
  expect(await json(["credential", "restore", "child@main db", "--version", "2", "--reason", "back"])).toEqual({
    version: 2,
  });
  expect(await json(["credential", "session-ended", "app@main db"])).toMatchObject({ username: "app" });
  const expired = await keyturn(["credential", "expire", "app@main db", "--reason", "leak"]);
  expect(expired.errors).toMatch(/1 expired|credential\./);
  const unset = await keyturn(["credential", "reconcile", "child@main db", "--reason", "lost"]);
  expect(unset.exitCode).toBe(EXIT.data);
  expect(unset.errors).toContain("reconcile");
  const dashboard = await json<{ total: number }>(["dashboard"]);
  expect(dashboard.total).toBe(3);
  expect((await keyturn(["dashboard"])).output).toMatch(/SITE +CREDENTIALS[^\n]*\ndefault +3/);
});

test("a change of all that a filter finds, or of those that are named, and not of both", async () => {
  for (const args of [["change"], ["change", "app@main db", "--username", "app"]])
    expect(await keyturn(args)).toMatchObject({ exitCode: EXIT.usage });
  const answer = await json<{ operations: object[] }>(["change", "--device", "main", "--username", "admin"]);
  expect(answer.operations).toHaveLength(1);
});

test("events are followed from now on and from an event on", async () => {
  let isOver = false;
  const follow = ["-o", "jsonl", "events", "--state", "canceled", "--limit", "2"];
  const following = keyturn(follow, "", viewer).finally(() => (isOver = true));
  const codes: string[] = [];
  // From when on it listens nobody is told: something happens until it has heard enough.
  while (!isOver) {
    await until(
      async () =>
        (
          await json<object[]>([
            "operations",
            "list",
            "--username",
            "admin",
            "--state",
            "scheduled",
            "--state",
            "running",
          ])
        ).length === 0,
      {
        what: "an account at rest",
        timeoutMs: 120_000,
      },
    );
    const code = await later("admin@main db");
    codes.push(code);
    await keyturn(["operations", "cancel", code]);
  }
  const events = (await following).output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; code: number; state: string });
  const heard = events.map(({ code }) => String(code));
  const from = codes.indexOf(heard[0] ?? "");
  expect(heard).toEqual(codes.slice(from, from + 2));
  expect(new Set(events.map(({ state }) => state))).toEqual(new Set(["canceled"]));
  const later2 = await keyturn(["events", "--since", events[0]?.id ?? "", "--state", "canceled", "--limit", "1"]);
  expect(later2.output).toMatch(new RegExp(`  ${heard[1]}  Scheduled → Canceled  default`));
  const wrong = await keyturn(["events", "--since", "yesterday"]);
  expect(wrong.exitCode).toBe(EXIT.data);
  expect(wrong.errors).toContain("Last-Event-ID");
});
