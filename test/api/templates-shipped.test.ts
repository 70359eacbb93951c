import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadLibrary } from "../../api/templates/library.ts";
import type { Template, TemplateDetails, TemplateImport, TemplateVersion } from "../../contracts/templates.schema.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";
import { BAD, GOOD, LINES } from "./templates-language.ts";

let api: TestApi;
let admin: Ask;
let folder: string;
beforeAll(async () => {
  api = await openTestApi({ plugins: [LINES] });
  admin = await api.as(["administrator", "viewer"], "Ada");
  folder = await mkdtemp(join(tmpdir(), "keyturn-library-"));
});
afterAll(async () => {
  await api?.close();
  await rm(folder, { recursive: true });
});

async function place(name: string, body: string): Promise<void> {
  const file = join(folder, "lines/change-password", `${name}.txt`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, body);
}

const load = () => loadLibrary(api.db, [LINES], folder);
const list = async () => (await admin<{ items: Template[] }>("GET", "/v1/templates")).body.items;
const patch = ({ id, revision }: Pick<Template, "id" | "revision">, body: object) =>
  admin<TemplateDetails>("PATCH", `/v1/templates/${id}`, { body, headers: { "if-match": `"${revision}"` } });

test("the library is stored once, also by processes that start together; what is newer is a new version", async () => {
  await place("one", GOOD);
  await place("two", GOOD);
  await place("broken", BAD);
  const broken = ["lines/change-password/broken.txt"];
  expect(await Promise.all([load(), load(), load()])).toEqual([broken, broken, broken]);
  const [one, ...others] = await list();
  expect(others).toMatchObject([{ name: "two", shipped: true }]);
  expect(one).toMatchObject({ name: "one", shipped: true, activeVersion: 1, pending: false, author: "keyturn" });
  await place("one", `# newer\n${GOOD}`);
  await load();
  await load();
  const { body } = await admin<{ items: TemplateVersion[] }>("GET", `/v1/templates/${one?.id}/versions`);
  expect(body.items).toMatchObject([
    { version: 2, state: "active", author: "keyturn", decidedBy: "keyturn" },
    { version: 1, state: "former" },
  ]);
});

test("its texts are nobody's to edit; one that was switched off stays so and gets what is newer", async () => {
  const [one] = await list();
  if (!one) throw new Error("the library is empty");
  expect((await patch(one, { body: GOOD })).body).toMatchObject({ code: "template.shipped" });
  expect((await patch(one, { name: "mine" })).body).toMatchObject({ code: "template.shipped" });
  const files = [{ path: "lines/change-password/one.txt", body: `# mine\n${GOOD}` }];
  const imported = await admin<TemplateImport>("POST", "/v1/templates/import", { body: { files } });
  expect(imported.body.items).toMatchObject([{ done: "refused", complaints: [{ rule: "file.shipped" }] }]);
  expect((await patch(one, { active: false })).status).toBe(200);
  await place("one", `# newest\n${GOOD}`);
  await load();
  const { body } = await admin<TemplateDetails>("GET", `/v1/templates/${one.id}`);
  expect(body).toMatchObject({ active: false, activeVersion: 3, activeBody: `# newest\n${GOOD}` });
});

test("a person's template keeps its name", async () => {
  const made = await admin("POST", "/v1/templates", {
    body: { name: "Three", plugin: "lines", kind: "change-password", body: GOOD },
  });
  expect(made.status).toBe(201);
  await place("three", `# ours\n${GOOD}`);
  await load();
  expect((await list()).filter(({ name }) => name.toLowerCase() === "three")).toMatchObject([{ shipped: false }]);
});
