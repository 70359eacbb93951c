import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Policy } from "../../contracts/policies.schema.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let viewer: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
  viewer = await api.as(["viewer"], "Vera");
});
afterAll(() => api.close());

let count = 0;

async function make(fields: object = {}): Promise<Policy> {
  const { status, body } = await admin<Policy>("POST", "/v1/policies", {
    body: { name: `policy ${(count += 1)}`, ...fields },
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

async function edit({ id, revision }: Pick<Policy, "id" | "revision">, patch: object) {
  return admin<Policy>("PATCH", `/v1/policies/${id}`, { body: patch, headers: { "if-match": `"${revision}"` } });
}

describe("policies", () => {
  test("are made, shown, listed, edited by revision, with the person who did it", async () => {
    const fields = {
      active: true,
      priority: 7,
      criteria: { sites: ["nowhere"], devices: ["db*"] },
      maxAgeMinutes: 43_200,
      afterViewMinutes: 60,
      afterSessionMinutes: 0,
      reuseMinutes: 30,
      jitterMinutes: 1440,
      firstChange: "automatic",
      windows: { timeZone: "America/Sao_Paulo", age: { days: [6, 7], hours: [1, 2, 3] } },
      limits: { attempts: 2, coolDownDays: 3 },
      approval: { levels: [{ approvals: 2, approvers: ["Ada", "Bob"] }], expiresMinutes: 60 },
    };
    const made = await make(fields);
    expect(made).toMatchObject({
      ...fields,
      paused: false,
      errorsInARow: 0,
      credentials: 0,
      revision: 1,
      createdBy: "Ada",
      updatedBy: "Ada",
    });
    expect((await viewer("GET", `/v1/policies/${made.id}`)).body).toEqual(made);
    const { body: page } = await viewer<{ items: Policy[] }>("GET", `/v1/policies?name=${made.name}&active=true`);
    expect(page.items).toEqual([made]);
    const other = await api.as(["administrator"], "Olga");
    const patch = { approval: null, windows: { timeZone: "UTC" }, active: false };
    const edited = await other<Policy>("PATCH", `/v1/policies/${made.id}`, {
      body: patch,
      headers: { "if-match": '"1"' },
    });
    expect(edited.body).toMatchObject({ ...patch, priority: 7, revision: 2, createdBy: "Ada", updatedBy: "Olga" });
    expect((await edit(made, { priority: 8 })).status).toBe(412);
    expect((await admin("PATCH", `/v1/policies/${made.id}`, { body: {} })).status).toBe(428);
  });

  test.each<[object, string]>([
    [{ maxAgeMinutes: 0 }, "maxAgeMinutes"],
    [{ maxAgeMinutes: 1.5 }, "maxAgeMinutes"],
    [{ priority: 0 }, "priority"],
    [{ maxAgeMinutes: 60, jitterMinutes: 60 }, "jitterMinutes"],
    [{ windows: { timeZone: "Europe/Atlantis" } }, "windows.timeZone"],
    [{ windows: { timeZone: "+25:00" } }, "windows.timeZone"],
    [{ windows: { timeZone: "UTC", age: { days: [8], hours: [1] } } }, "windows.age.days.0"],
    [{ windows: { timeZone: "UTC", use: { days: [1], hours: [] } } }, "windows.use.hours"],
    [{ windows: { timeZone: "UTC", use: { days: [1, 1], hours: [1] } } }, "windows.use.days"],
    [{ criteria: { sites: [] } }, "criteria.sites"],
    [{ criteria: { colour: ["red"] } }, "criteria"],
    [{ limits: { attempts: 11 } }, "limits.attempts"],
    [{ limits: { coolDownDays: 8 } }, "limits.coolDownDays"],
    [{ approval: { levels: [{ approvals: 2, approvers: ["Ada", "Ada"] }], expiresMinutes: 5 } }, "approval.levels.0"],
    [
      { approval: { levels: [1, 2].map(() => ({ approvals: 1, approvers: ["Ada"] })), expiresMinutes: 5 } },
      "approval.levels",
    ],
    [{ approval: { levels: [], expiresMinutes: 0 } }, "approval.expiresMinutes"],
    [{ colour: "red" }, "body"],
  ])("refuse %j", async (fields, field) => {
    const { status, body } = await admin<{ code: string; errors: { field: string }[] }>("POST", "/v1/policies", {
      body: { name: "refused", ...fields },
    });
    expect([status, body.code, body.errors[0]?.field]).toEqual([400, "request.invalid", field]);
  });

  test("refuse a name that is taken, a strength that is not there, and an id nobody has", async () => {
    const taken = await make({ name: "Taken" });
    const refusal = async (body: object) => (await admin("POST", "/v1/policies", { body })).body["code"];
    expect(await refusal({ name: "tAKEN" })).toBe("policy.name-taken");
    expect((await edit(await make(), { name: "TAKEN" })).body).toMatchObject({ code: "policy.name-taken" });
    expect((await edit(taken, { name: "taken" })).status).toBe(200);
    const nobody = "01900000-0000-7000-8000-00000000abcd";
    expect(await refusal({ name: "x", strengthId: nobody })).toBe("strength.not-found");
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/resume"],
    ] as const)
      expect((await admin(method, `/v1/policies/${nobody}${path}`)).body["code"]).toBe("policy.not-found");
  });

  test("two of one name at the same moment: one is made", async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => admin("POST", "/v1/policies", { body: { name: "at once" } })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
  });
});
