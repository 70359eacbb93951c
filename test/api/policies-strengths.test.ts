/** Rules for generated passwords over the API. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_STRENGTH } from "../../contracts/strength.ts";
import type { StrengthView } from "../../contracts/strengths.schema.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

const make = (body: object) => admin<StrengthView>("POST", "/v1/strengths", { body });
const edit = ({ id, revision }: { id: string; revision: number }, patch: object) =>
  admin<StrengthView>("PATCH", `/v1/strengths/${id}`, { body: patch, headers: { "if-match": `"${revision}"` } });

test("are made, edited and listed, with how many passwords they allow and who did it", async () => {
  const four = {
    ...DEFAULT_STRENGTH,
    minLength: 4,
    maxLength: 4,
    symbolSet: "!",
    symbols: 4,
    repeatedNeighbours: true,
  };
  const made = await make({ name: "four", rules: { ...four, lowercase: 0, uppercase: 0, digits: 4, symbols: 0 } });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ combinations: "10000", bits: 13.3, active: true, createdBy: "Ada", revision: 1 });
  const olga = await api.as(["administrator"], "Olga");
  const { body } = await olga<StrengthView>("PATCH", `/v1/strengths/${made.body.id}`, {
    body: { active: false, rules: { ...made.body.rules, maxLength: 20, minLength: 20 } },
    headers: { "if-match": '"1"' },
  });
  expect(body).toMatchObject({ active: false, createdBy: "Ada", updatedBy: "Olga", revision: 2 });
  expect((await admin("GET", `/v1/strengths/${body.id}`)).body).toEqual(body);
  const chosen = await admin("POST", "/v1/policies", { body: { name: "chooses", strengthId: body.id } });
  expect([chosen.status, chosen.body]).toMatchObject([400, { errors: [{ field: "strengthId" }] }]);
  const { body: list } = await admin<{ items: StrengthView[] }>("GET", "/v1/strengths");
  expect(list.items.map(({ name }) => name)).toEqual(["default", "four"]);
  const [shipped] = list.items;
  expect(shipped?.rules).toEqual(DEFAULT_STRENGTH);
  expect(shipped?.combinations).toMatch(/^\d\.\d\de\+43$/);
  expect(shipped?.bits).toBeGreaterThan(140);
});

test.each<[string, object, string]>([
  ["more wanted than there is room for", { minLength: 1, maxLength: 7 }, "at least 8 characters"],
  ["a least length above the greatest", { minLength: 30, maxLength: 20 }, "at most 20"],
  ["symbols, and none allowed", { symbolSet: "" }, "symbols"],
  [
    "one character, and never twice",
    { lowercase: 0, uppercase: 0, digits: 0, symbols: 24, symbolSet: "!" },
    "Hardly any",
  ],
])("what no password meets is refused: %s", async (_what, rules, said) => {
  const refused = await make({ name: "impossible", rules: { ...DEFAULT_STRENGTH, ...rules } });
  expect([refused.status, refused.body]).toMatchObject([422, { code: "strength.impossible" }]);
  expect(JSON.stringify(refused.body)).toContain(said);
});

test.each<[object, string]>([
  [{ minLength: 0 }, "rules.minLength"],
  [{ maxLength: 257 }, "rules.maxLength"],
  [{ digits: -1 }, "rules.digits"],
  [{ symbolSet: "a" }, "rules.symbolSet"],
  [{ symbolSet: "é" }, "rules.symbolSet"],
  [{ symbolSet: " " }, "rules.symbolSet"],
  [{ colour: 1 }, "rules"],
])("refuse %j", async (rules, field) => {
  const { status, body } = await make({ name: "refused", rules: { ...DEFAULT_STRENGTH, ...rules } });
  expect([status, body]).toMatchObject([400, { errors: [{ field }] }]);
});

test("a name is there once, the shipped one keeps its name, and edits compare the revision", async () => {
  const rules = DEFAULT_STRENGTH;
  const [one, two] = [await make({ name: "one", rules }), await make({ name: "two", rules })];
  expect((await make({ name: "one", rules })).body).toMatchObject({ code: "strength.name-taken" });
  expect((await edit(two.body, { name: "one" })).body).toMatchObject({ code: "strength.name-taken" });
  expect((await edit({ ...one.body, revision: 7 }, { name: "three" })).status).toBe(412);
  const { body: list } = await admin<{ items: StrengthView[] }>("GET", "/v1/strengths");
  const shipped = list.items.find(({ name }) => name === "default");
  if (!shipped) throw new Error("no default");
  expect((await edit(shipped, { name: "other" })).status).toBe(400);
  expect((await edit(shipped, { active: false })).status).toBe(400);
  expect((await edit(shipped, { rules: { ...rules, minLength: 30, maxLength: 40 } })).status).toBe(200);
  const nobody = { id: "01900000-0000-7000-8000-00000000abcd", revision: 1 };
  expect((await edit(nobody, { name: "x" })).body).toMatchObject({ code: "strength.not-found" });
});
