import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Device } from "../../contracts/devices.schema.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

const create = (body: object) => admin<Device>("POST", "/v1/devices", { body });
const edit = (id: string, revision: number, body: object) =>
  admin<Device>("PATCH", `/v1/devices/${id}`, { body, headers: { "if-match": `"${revision}"` } });

describe("devices", () => {
  test("are created with defaults, shown, and unique by name while active", async () => {
    const made = await create({ name: "db1", address: "10.0.0.5", tags: ["prod"], settings: { plain: { tls: true } } });
    expect(made).toMatchObject({ status: 201, headers: { etag: '"1"' } });
    expect(made.body).toMatchObject({ site: "default", permits: 2, port: null, active: true, tags: ["prod"] });
    expect((await admin<Device>("GET", `/v1/devices/${made.body.id}`)).body).toEqual(made.body);
    const again = await create({ name: "DB1", address: "x" });
    expect(again).toMatchObject({ status: 409, body: { code: "request.conflict" } });
    expect((await edit(made.body.id, 1, { active: false })).status).toBe(200);
    expect((await create({ name: "DB1", address: "x" })).status).toBe(201);
  });

  test("have an address without a port, which is a field of its own", async () => {
    for (const address of ["127.0.0.1:22", "db.example:22", "[::1]:22", "a b", ""]) {
      const refused = await create({ name: "s2", address });
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: "address" }] } });
    }
    for (const [index, address] of ["fe80::1", "::1", "::ffff:10.0.0.1", "db-1.example", "10.0.0.1"].entries())
      expect((await create({ name: `by address ${index}`, address })).status).toBe(201);
  });

  test("settings must fit their plugin", async () => {
    const wrong = await create({ name: "s1", address: "a", settings: { plain: { colour: "red" } } });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ field: "settings.plain" }] } });
    const unknown = await create({ name: "s1", address: "a", settings: { nobody: {} } });
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ field: "settings.nobody" }] } });
  });

  test("an edit needs the ETag it was read with, and is audited", async () => {
    const { body: device } = await create({ name: "e1", address: "a" });
    const url = `/v1/devices/${device.id}`;
    expect(await admin("PATCH", url, { body: { model: "x" } })).toMatchObject({
      status: 428,
      body: { code: "request.precondition-required" },
    });
    const two = await Promise.all([edit(device.id, 1, { model: "x" }), edit(device.id, 1, { model: "y" })]);
    expect(two.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(two.filter(({ status }) => status === 412)).toHaveLength(1);
    const { body: now, headers } = await admin<Device>("GET", url);
    expect(now.revision).toBe(2);
    expect(headers["etag"]).toBe('"2"');
    expect(now.model).toBe(two.find(({ status }) => status === 200)?.body.model);
    const auditor = await api.as(["auditor"], "Otto");
    const audit = await auditor<{ items: object[] }>("GET", `/v1/audit?objectId=${device.id}`);
    expect(audit.body.items).toMatchObject([
      {
        action: "device.edited",
        person: "Ada",
        actor: "Ada's token",
        address: "127.0.0.1",
        details: { fields: ["model"] },
      },
      { action: "device.created", person: "Ada" },
    ]);
  });

  test("another address or port clears the pin; anything else keeps it", async () => {
    for (const [change, kept] of [
      [{ address: "elsewhere" }, false],
      [{ port: 2222 }, false],
      [{ address: "a", model: "m" }, true],
    ] as const) {
      const { body: device } = await create({ name: `p-${Object.keys(change)[0]}-${kept}`, address: "a" });
      const pinned = await admin<Device>("PUT", `/v1/devices/${device.id}/pin`, {
        body: { fingerprint: FINGERPRINT },
        headers: { "if-match": '"1"' },
      });
      expect(pinned.body.pinnedIdentity).toBe(FINGERPRINT);
      const edited = await edit(device.id, 2, change);
      expect(edited.body.pinnedIdentity, JSON.stringify(change)).toBe(kept ? FINGERPRINT : null);
    }
    const bad = { body: { fingerprint: "MD5:aa" }, headers: { "if-match": '"1"' } };
    const [row] = await api.db.execute<{ id: string }>(sql`select id from devices limit 1`);
    expect((await admin("PUT", `/v1/devices/${row?.id}/pin`, bad)).status).toBe(400);
  });

  test("pages go on without gap or repetition, and a cursor is bound to its filter", async () => {
    for (let number = 0; number < 7; number += 1) await create({ name: `page_${number}`, address: `p${number}` });
    await create({ name: "pageX9", address: "p" });
    const seen: string[] = [];
    let cursor: string | null = null;
    let first: string | undefined;
    do {
      const url: string = `/v1/devices?name=PAGE_&limit=3${cursor ? `&cursor=${cursor}` : ""}`;
      const { body } = await admin<{ items: Device[]; nextCursor: string | null }>("GET", url);
      seen.push(...body.items.map(({ name }) => name));
      cursor = body.nextCursor;
      first ??= cursor ?? undefined;
    } while (cursor);
    // An underscore stands for itself: pageX9 is not among them.
    expect(seen).toEqual(["page_0", "page_1", "page_2", "page_3", "page_4", "page_5", "page_6"]);
    const other = await admin("GET", `/v1/devices?name=page_1&cursor=${first}`);
    expect(other).toMatchObject({ status: 400, body: { errors: [{ field: "cursor" }] } });
    expect((await admin("GET", "/v1/devices?cursor=bm9uc2Vuc2U")).status).toBe(400);
    expect((await admin("GET", "/v1/devices?limit=201")).status).toBe(400);
  });
});
