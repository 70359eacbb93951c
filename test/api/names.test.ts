/** Names that look the same are the same: what cannot be seen is refused in each. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";
import { GOOD, LINES } from "./templates-language.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi({ plugins: [LINES] });
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

const INVISIBLE = {
  "zero-width space": "\u200B",
  "zero-width joiner": "\u200D",
  "word joiner": "\u2060",
  "soft hyphen": "\u00AD",
  "byte order mark": "\uFEFF",
  "right-to-left override": "\u202E",
  isolate: "\u2066",
  "line separator": "\u2028",
  "Hangul filler": "\u3164",
  "variation selector": "\uFE0F",
  tag: "\u{E0061}",
};

test.each(Object.entries(INVISIBLE))("%s", async (_, sign) => {
  const name = `ad${sign}min`;
  const token = { name: "desk", owner: "Cleo", roles: ["viewer"] };
  const bodies: readonly (readonly [url: string, field: string, body: object])[] = [
    ["/v1/devices", "name", { name, address: "192.0.2.1" }],
    ["/v1/devices", "tags.0", { name: "seen", address: "192.0.2.1", tags: [name] }],
    ["/v1/templates", "name", { name, plugin: "lines", kind: "change-password", body: GOOD }],
    ["/v1/policies", "name", { name }],
    ["/v1/strengths", "name", { name, rules: {} }],
    ["/v1/tokens", "name", { ...token, name }],
    ["/v1/tokens", "owner", { ...token, owner: name }],
  ];
  for (const [url, field, body] of bodies) {
    const refused = await admin<{ errors: { field: string; rule: string }[] }>("POST", url, { body });
    expect([url, field, refused.status]).toEqual([url, field, 400]);
    const told = refused.body.errors.find((error) => error.field === field);
    expect(told?.rule).toContain("must not hold characters that cannot be seen");
  }
  const files = [{ path: `Lines/Change password/${name}.txt`, body: GOOD }];
  const checked = await admin("POST", "/v1/templates/check", { body: { files } });
  expect(checked.body).toMatchObject({ items: [{ verdict: "refused", complaints: [{ rule: "file.name" }] }] });
});

test("names in any script, and pictures, are taken", async () => {
  for (const name of ["Überwachung", "données (prod) – no. 2", "サーバー 1", "сервер", "\u26A0\uFE0F core", "💾 tape"])
    expect((await admin("POST", "/v1/devices", { body: { name, address: "192.0.2.2" } })).status).toBe(201);
});
