import { afterAll, beforeAll, expect, test } from "vitest";
import { eq } from "drizzle-orm";
import type { TemplateDetails } from "../../contracts/templates.schema.ts";
import { credentials } from "../../db/schema/index.ts";
import { type Ask, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";
import { csvOf, importFile } from "./import-file.ts";
import { GOOD, LINES } from "./templates-language.ts";

let api: TestApi;
let admin: Ask;
let ids: Record<string, string>;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, LINES] });
  admin = await api.as(["administrator"], "Ada");
  const bob = await api.as(["approver"], "Bob");
  ids = {};
  for (const [key, name, kind, approve] of [
    ["own", "Own", "change-password", true],
    ["reconcile", "Own", "reconcile-password", true],
    ["pending", "Pending", "change-password", false],
    ["job", "Job", "user-creation", true],
  ] as const) {
    const body = kind === "user-creation" ? 'exec "useradd x"' : GOOD;
    const made = await admin<TemplateDetails>("POST", "/v1/templates", { body: { name, kind, plugin: "lines", body } });
    ids[key] = made.body.id;
    if (approve) await bob("POST", `/v1/templates/${made.body.id}/versions/1/approve`, { body: {} });
  }
});
afterAll(() => api.close());

const row = (Username: string, template: string, more: object = {}) => ({
  Device: "sw1",
  Address: "192.0.2.1",
  Username,
  "Change plugin": "lines",
  "Change template": template,
  ...more,
});

async function stored(username: string) {
  const [found] = await api.db.select().from(credentials).where(eq(credentials.username, username));
  return found && [found.templateId, found.reconciliationTemplateId];
}

test("rows name templates by name, in any case, or by id; a second import changes nothing", async () => {
  const file = csvOf([
    row("named", "OWN", { "Reconciliation template": "own" }),
    row("by-id", ids["own"] ?? "", { "Reconciliation template": "" }),
  ]);
  const first = await importFile(admin, file);
  expect(first.body).toMatchObject({ created: 2, refused: 0 });
  expect(await stored("named")).toEqual([ids["own"], ids["reconcile"]]);
  expect(await stored("by-id")).toEqual([ids["own"], null]);
  expect((await importFile(admin, file)).body).toMatchObject({ unchanged: 2, updated: 0 });
  expect((await importFile(admin, csvOf([row("named", "-")]))).body).toMatchObject({ updated: 1 });
  expect(await stored("named")).toEqual([null, ids["reconcile"]]);
});

test("a template that cannot be chosen refuses its row, in a new account and in a stored one", async () => {
  const bad = [
    row("x1", "Nobody's"),
    row("x2", "pending"),
    row("x3", ids["pending"] ?? ""),
    row("x4", ids["job"] ?? ""),
    row("x5", "Job"),
    row("x6", "own", { "Change plugin": "plain" }),
    row("x7", ids["own"] ?? "", { "Change plugin": "plain" }),
    row("by-id", "", { "Change plugin": "plain" }),
    row("named", ids["job"] ?? ""),
  ];
  const { body } = await importFile(admin, csvOf(bad));
  expect(body).toMatchObject({ created: 0, updated: 0, refused: bad.length });
  expect(body.rows.map(({ problems }) => `${problems[0]?.column}: ${problems[0]?.code}`)).toEqual([
    "Change template: request.invalid",
    "Change template: template.not-active",
    "Change template: template.not-active",
    "Change template: template.unfit",
    "Change template: request.invalid",
    "Change template: request.invalid",
    "Change template: template.unfit",
    "Change template: template.unfit",
    "Change template: template.unfit",
  ]);
});
