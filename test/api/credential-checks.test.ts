/** What checks found, as a report; and edits while a password may be live. */
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { ChangesAccepted } from "../../contracts/operations.schema.ts";
import { newId } from "../../db/new-id.ts";
import { credentials, secretVersions } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator", "operator"]);
});
afterAll(() => api.close());

test("credentials are listed, and changed, by what their last check said and since when", async () => {
  const { deviceId, ids } = await makeCredentials(admin, 4, "report");
  const [old = "", fresh = "", works = "", never = ""] = ids;
  const note = (id: string, lastCheck: "accepted" | "rejected", since: string) =>
    api.db
      .update(credentials)
      .set({ lastCheck, lastCheckSince: new Date(since), lastCheckAt: sql`now()` })
      .where(eq(credentials.id, id));
  await note(old, "rejected", "2026-01-01T00:00:00Z");
  await note(fresh, "rejected", "2026-03-01T00:00:00Z");
  await note(works, "accepted", "2026-03-01T00:00:00Z");
  const list = async (query: string) => {
    const { body } = await admin<{ items: Credential[] }>("GET", `/v1/credentials?deviceId=${deviceId}&${query}`);
    return body.items.map(({ id }) => id);
  };
  expect(await list("lastCheck=rejected")).toEqual([old, fresh]);
  expect(await list("lastCheck=accepted")).toEqual([works]);
  expect(await list("lastCheck=rejected&lastCheckSince=2026-02-01T00:00:00Z")).toEqual([fresh]);
  expect(await list("lastCheck=unknown")).toEqual([]);
  expect((await admin<Credential>("GET", `/v1/credentials/${never}`)).body).toMatchObject({ lastCheckSince: null });
  expect((await admin("GET", "/v1/credentials?lastCheck=maybe")).status).toBe(400);
  const filter = { deviceId, lastCheck: "rejected", lastCheckSince: "2026-02-01T00:00:00Z" };
  const { body } = await admin<ChangesAccepted>("POST", "/v1/password-changes", { body: { filter } });
  expect(body.operations.map(({ credentialId }) => credentialId)).toEqual([fresh]);
});

test("while a password may be live its credential names no other account", async () => {
  const { ids } = await makeCredentials(admin, 1, "moved");
  const [id = ""] = ids;
  const edit = async (body: object) => {
    const { body: before } = await admin<Credential>("GET", `/v1/credentials/${id}`);
    return admin("PATCH", `/v1/credentials/${id}`, { body, headers: { "if-match": `"${before.revision}"` } });
  };
  expect((await edit({ username: "renamed" })).status).toBe(200);
  const sealed = Buffer.from("sealed");
  const doubtful = { id: newId(), credentialId: id, version: 2, origin: "generated" as const, sealed };
  await api.db.insert(secretVersions).values({ ...doubtful, status: "doubtful" });
  for (const other of [{ username: "another" }, { domain: "corp" }, { additionalInfo: "instance 2" }])
    expect(await edit(other)).toMatchObject({ status: 409, body: { code: "credential.unresolved" } });
  expect((await edit({ username: "renamed", notes: "in doubt" })).status).toBe(200);
});
