import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import { run } from "../../cli/program.ts";
import { testIo } from "../../cli/test-io.ts";
import type { Role } from "../../contracts/roles.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { BAD, DOUBTFUL, GOOD, LINES } from "../api/templates-language.ts";
import { openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let url: string;
let folder: string;
let ada: string;
let bob: string;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, { ...LINES, experimental: true }] });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  [ada, bob] = await Promise.all([tokenOf("Ada", "administrator"), tokenOf("Bob", "approver")]);
  folder = await mkdtemp(join(tmpdir(), "keyturn-templates-"));
});
afterAll(async () => {
  await api?.close();
  await rm(folder, { recursive: true });
});

async function tokenOf(owner: string, role: Role): Promise<string> {
  const value = makeTokenValue();
  await createToken(api.db, { name: owner, owner, roles: [role], value });
  return value;
}

async function keyturn(args: readonly string[], token = ada) {
  const io = testIo({ token });
  const exitCode = await run(["--url", url, ...args], io);
  return { exitCode, ...io.written() };
}

async function place(path: string, body: string | Buffer): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, body);
  return file;
}

test("a folder is checked file by file, and 0 says that nothing is refused", async () => {
  await place("good/Lines/Change password/Own.txt", GOOD);
  await place("good/Lines/Change password/Doubtful", DOUBTFUL);
  await place("good/Lines/Change password/Old.txt", Buffer.from(`# usu\u00e1rio\n${GOOD}`, "latin1"));
  await place("good/README.md", "# Not a template");
  await place("good/LICENSE", "MIT");
  await place("good/.git/config", "[core]");
  const good = await keyturn(["template", "check", join(folder, "good")]);
  expect(good).toMatchObject({ exitCode: EXIT.ok, errors: "Of 3 files 2 parsed, 1 with warnings, 0 refused.\n" });
  expect(good.output).toContain(`Own.txt: parsed, lines, change-password\n`);
  expect(good.output).toMatch(/Doubtful: warnings, lines, change-password\n {2}4:\d+ warning /);

  const bad = await place("bad/Bad.txt", BAD);
  const refused = await keyturn(["template", "check", join(folder, "good"), bad, "--kind=change-password"]);
  expect(refused).toMatchObject({ exitCode: 1, errors: "Of 4 files 2 parsed, 1 with warnings, 1 refused.\n" });
  expect(refused.output).toContain(`${bad}: refused, no plugin, change-password\n  1:1 refusal file.plugin: `);
  const meant = await keyturn(["-o", "json", "template", "check", bad, "--plugin=lines", "--kind=change-password"]);
  expect(meant.exitCode).toBe(1);
  expect(JSON.parse(meant.output)).toMatchObject([
    { path: bad, verdict: "refused", complaints: [{ line: 5 }, { line: 6, rule: "tag.unknown" }] },
  ]);
  // A file of a folder is guessed by where it lies, also when it is named from within.
  const loose = await keyturn(["template", "check", join(folder, "good/Lines/Change password/Own.txt")]);
  expect(loose.exitCode).toBe(EXIT.ok);
  expect((await keyturn(["template", "check", join(folder, "nowhere")])).exitCode).toBe(EXIT.notFound);
  expect((await keyturn(["template", "format", join(folder, "good/Lines/Change password/Doubtful")])).output).toBe(
    GOOD,
  );
});

test("a folder may hold Windows' Unicode, links, and what is no text at all", async () => {
  const utf16 = Buffer.from(`\uFEFF${GOOD.replaceAll("\n", "\r\n")}`, "utf16le");
  const own = await place("odd/lines/change password/Little.txt", utf16);
  await place("odd/lines/change password/Big.txt", Buffer.from(utf16).swap16());
  await place("odd/lines/change password/Picture", Buffer.from([0x89, 0x50, 0, 0, 0xff, 0xfe]));
  await symlink(own, join(dirname(own), "Linked.txt"));
  await symlink(join(folder, "odd"), join(dirname(own), "back"));
  const { exitCode, output, errors } = await keyturn(["template", "check", join(folder, "odd")]);
  expect([exitCode, errors]).toEqual([1, "Of 4 files 3 parsed, 0 with warnings, 1 refused.\n"]);
  expect(output).toMatch(/Picture: refused, .*\n {2}1:1 refusal file.text: .*zero character.*\n$/);
});

test("what cannot be read or is too long is told of its file, and the others are checked", async () => {
  await place("some/lines/change password/Own.txt", GOOD);
  await place("some/lines/change password/Long.txt", "#".repeat(200_001));
  await place("some/lines/change password/Longer.txt", Buffer.alloc(800_001));
  const inside = (name: string) => join(folder, "some/lines/change password", name);
  await place("some/lines/change password/Own\u001B[2Jed.txt", GOOD);
  await mkdir(inside("Empty"));
  await symlink(join(folder, "nowhere"), inside("Gone"));
  await symlink(inside("Round"), inside("Round"));
  await symlink("/dev/zero", inside("Endless"));
  const { exitCode, output, errors } = await keyturn(["template", "check", join(folder, "some")]);
  expect([exitCode, errors]).toEqual([1, "Of 6 files 1 parsed, 0 with warnings, 5 refused.\n"]);
  const told = [...output.matchAll(/(\w+)(?:\.txt)?: (\w+), .*(?:\n {2}1:1 refusal (.*))?/g)].map((match) =>
    match.slice(1),
  );
  expect(told).toEqual([
    ["Gone", "refused", "file.unreadable: It cannot be read (ENOENT)."],
    ["Long", "refused", "file.long: It has 200001 characters, and a template has at most 200000 characters."],
    ["Longer", "refused", "file.long: It has 800001 bytes, and a template has at most 200000 characters."],
    ["Owned", "refused", expect.stringMatching(/^file.name: /)],
    ["Own", "parsed", undefined],
    ["Round", "refused", "file.unreadable: It cannot be read (ELOOP)."],
  ]);
  const dry = await keyturn(["template", "import", "--dry-run", join(folder, "some")]);
  expect(dry.errors).toMatch(/^Of 6 files \d would be created, 0 would be updated, \d unchanged, 5 refused\.\n$/);
  const format = await keyturn(["template", "format", inside("Long.txt")]);
  expect(format).toMatchObject({ exitCode: EXIT.data, errors: expect.stringContaining("200001 characters") });
  expect(await keyturn(["template", "check", inside("Empty")])).toMatchObject({ exitCode: EXIT.notFound });
});

test("more files than a request holds are sent in several", async () => {
  const filling = "# comment\n".repeat(5_000);
  for (let number = 0; number < 30; number += 1)
    await place(`many/lines/change password/File ${number}.txt`, `${GOOD.replace("end\n", "")}${filling}`);
  const checked = await keyturn(["template", "check", join(folder, "many")]);
  expect(checked.errors).toBe("Of 30 files 30 parsed, 0 with warnings, 0 refused.\n");
});

test("a folder is imported, once; a second person approves; the history shows what changed", async () => {
  const own = await place("load/Lines/Change password/Mine.txt", GOOD);
  await place("load/Lines/Change password/Broken.txt", BAD);
  const load = (...args: string[]) => keyturn(["template", "import", join(folder, "load"), ...args]);
  expect(await load("--dry-run")).toMatchObject({
    exitCode: EXIT.data,
    errors: "Of 2 files 1 would be created, 0 would be updated, 0 unchanged, 1 refused.\n",
  });
  expect((await keyturn(["template", "list"])).errors).toBe("Nothing found.\n");
  expect((await load()).errors).toBe("Of 2 files 1 created, 0 updated, 0 unchanged, 1 refused.\n");
  expect((await load()).errors).toBe("Of 2 files 0 created, 0 updated, 1 unchanged, 1 refused.\n");

  expect(await keyturn(["template", "approve", "mine"])).toMatchObject({ exitCode: EXIT.noPermission });
  const approved = await keyturn(["template", "approve", "mine", "--comment=fine"], bob);
  expect(approved).toMatchObject({ exitCode: EXIT.ok, output: expect.stringContaining("version 1") });
  await writeFile(own, `# second\n${GOOD}`);
  expect((await load()).errors).toContain("1 updated");
  expect((await keyturn(["template", "list", "--pending"])).output).toContain("edited, to be approved");
  expect((await keyturn(["template", "show", "mine"])).output).not.toContain("# second");
  expect((await keyturn(["template", "show", "mine", "--pending"])).output).toContain("# second");
  const stale = await keyturn(["template", "reject", "mine", "--version=1"], bob);
  expect(stale.exitCode).toBe(EXIT.notNow);
  expect((await keyturn(["template", "reject", "mine", "--comment=no"], bob)).output).toContain("active");
  const history = await keyturn(["template", "history", "mine"]);
  expect(history.output).toMatch(/2 +rejected +Ada .* Bob +no\n +1 +active +Ada .* Bob +fine/);
  expect(history.output).toContain("+# second\n");
  const draft = await place("draft", `# third\n${GOOD}`);
  const edited = await keyturn(["template", "edit", "mine", "--name=Ours", `--file=${draft}`]);
  expect(edited.output).toMatch(/Ours .* version 3 by Ada +edited, to be approved/);
  const refused = await keyturn(["template", "edit", "ours", `--file=${await place("worse", BAD)}`]);
  expect(refused).toMatchObject({ exitCode: EXIT.data, errors: expect.stringContaining("Line 5, column 1: ") });
  expect((await keyturn(["template", "disable", "ours"])).output).toContain("inactive");
  expect((await keyturn(["template", "show", "ours"])).exitCode).toBe(EXIT.notFound);
});

test("a dry run shows what would be sent; without --dry nothing is run", async () => {
  expect((await keyturn(["template", "import", join(folder, "good")])).exitCode).toBe(EXIT.ok);
  expect((await keyturn(["device", "add", "sw1", "192.0.2.9"])).exitCode).toBe(EXIT.ok);
  const added = ["credential", "add", "admin@sw1", "--plugin=lines", "--no-password", "--authenticator"];
  expect((await keyturn(added.slice(0, -1))).exitCode).toBe(EXIT.ok);
  const asked = ["template", "run", "--template=own", "--credential=admin@sw1"];
  expect(await keyturn(asked)).toMatchObject({ exitCode: EXIT.usage });
  const dry = await keyturn([...asked, "--dry"]);
  expect(dry).toMatchObject({ exitCode: EXIT.ok, output: expect.stringMatching(/3 +exec +"<NEW_PASSWORD>"/) });
  const draft = await place("draft.txt", 'exec "passwd `id [#USERNAME#]`"\nrockets\n');
  const refused = await keyturn([...asked, "--dry", `--file=${draft}`]);
  expect(refused).toMatchObject({ exitCode: EXIT.data, errors: expect.stringMatching(/^Line 2: refusal: /m) });
});

test("plugins are listed with their commands", async () => {
  const { output } = await keyturn(["plugins"]);
  expect(output).toMatch(/lines +Lines \(experimental\) +required +change-password .* exec expect patience end/);
});
