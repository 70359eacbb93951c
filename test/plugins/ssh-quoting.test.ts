/** Values of every kind typed into a real bash, as words of a command and as answers: each arrives, none is run. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import { readTemplate } from "../../templates/language/read.ts";
import type { TagValues } from "../../templates/language/script.ts";
import { call, describeOnSshd, deviceOf, gate, login, withSession } from "../helpers/ssh.ts";

const plugin = findPlugin("ssh") as Plugin;
const ROOT = "Root-Passw0rd-1x";
const CANARY = "/etc/keyturn-canary";
const CASES = 200;
const PER_LINE = 10;

const hostile = fc.constantFrom(
  ..."'\"\\`$;&|<>(){}[]*?!#~^%=@:,. -/aB9é",
  `$(touch ${CANARY})`,
  `\`touch ${CANARY}\``,
  `; touch ${CANARY} #`,
  `' ; touch ${CANARY} ; '`,
  `" ; touch ${CANARY} ; "`,
  "!!",
  "${IFS}",
  "\\'",
);
const value = fc.array(hostile, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""));
const values = fc.sample(value, { numRuns: CASES, seed: 5 });

/** The values in groups, each with the tag that stands for it. */
function groups(words: readonly string[]): { tag: string; word: string }[][] {
  const named = words.map((word, index) => ({ tag: `APP_V${index}`, word }));
  return Array.from({ length: Math.ceil(named.length / PER_LINE) }, (_, at) =>
    named.slice(at * PER_LINE, (at + 1) * PER_LINE),
  );
}

const base64 = (words: readonly { word: string }[]) =>
  Buffer.from(words.map(({ word }) => `${word}\n`).join("")).toString("base64");

describeOnSshd("ssh: what is typed", ["openssh-server"], () => {
  let target: SshTarget;

  beforeAll(async () => {
    const files = { environment: "LANG=C.UTF-8\n" };
    target = await startSshTarget({ users: [], rootPassword: ROOT, files });
  });
  afterAll(() => target.stop());

  /** Runs a template, made for each group of values, and looks for what must not have happened. */
  async function run(words: readonly string[], linesFor: (group: { tag: string; word: string }[]) => string[]) {
    const body = ["set-read-timeout 20", 'expect "*#"', ...groups(words).flatMap(linesFor)].join("\n");
    if (!plugin.language) throw new Error("ssh takes templates");
    const { script, complaints } = readTemplate(body, plugin.language);
    expect(complaints).toEqual([]);
    const named = groups(words)
      .flat()
      .map(({ tag, word }) => [tag, word]);
    const bound = { script, values: Object.fromEntries(named) as TagValues };
    const root = login("root", ROOT);
    const talk = call({ signal: AbortSignal.timeout(240_000) });
    const passage = gate();
    await withSession(plugin.open(deviceOf(target), root, talk, bound), async (session) =>
      session.run?.(bound, talk, passage.pass),
    );
    expect(passage.passed).toBe(1);
    expect((await target.run(["ls", CANARY])).code).not.toBe(0);
  }

  test("words of a command arrive as they are", async () => {
    // One that begins with a dash would be taken for an option: it is refused.
    const words = values.map((word) => word.replace(/^-+/, "x"));
    await run(words, (group) => [
      `exec "printf '%s\\\\n' ${group.map(({ tag }) => `[#${tag}#]`).join(" ")} | base64 -w0; echo =end"`,
      `expect "*${base64(group)}=end*#"`,
    ]);
  });

  test("answers arrive as they are", async () => {
    await run(values, (group) => [
      `exec "stty -echo; echo rea''dy; for i in {1..${group.length}}; do IFS= read -r x; printf '%s\\\\n' \\"$x\\"; done | base64 -w0; stty echo; echo =end"`,
      `expect "*ready*"`,
      ...group.map(({ tag }) => `exec "[#${tag}#]"`),
      `expect "*${base64(group)}=end*#"`,
    ]);
  });

  test("a word that begins with a dash is refused, with nothing sent", async () => {
    const passage = gate();
    if (!plugin.language) throw new Error("ssh takes templates");
    const { script } = readTemplate('exec "id [#USERNAME#]"', plugin.language);
    const bound = { script, values: { USERNAME: "--help" } };
    const root = login("root", ROOT);
    const running = withSession(plugin.open(deviceOf(target), root, call(), bound), async (session) =>
      session.run?.(bound, call(), passage.pass),
    );
    await expect(running).rejects.toMatchObject({ code: "account.unknown", effect: "none" });
    expect(passage.passed).toBe(0);
  });
});
