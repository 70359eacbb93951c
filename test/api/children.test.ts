import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Child, OperationChildren } from "../../contracts/children.schema.ts";
import { Secret } from "../../contracts/secret.ts";
import { newId } from "../../db/new-id.ts";
import { openOperations } from "../../db/queries/open-operations.ts";
import * as schema from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

interface Page {
  items: Child[];
  nextCursor: string | null;
}

let api: TestApi;
let admin: Ask;

beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

async function edit(id: string, patch: object) {
  const { headers } = await admin("GET", `/v1/credentials/${id}`);
  return admin<{ code?: string; detail?: string }>("PATCH", `/v1/credentials/${id}`, {
    body: patch,
    headers: { "if-match": String(headers["etag"]) },
  });
}

/** A parent with children, each with a stored password of its own. */
async function family(count: number, name: string): Promise<{ parent: string; children: string[] }> {
  const { ids } = await makeCredentials(admin, count + 1, name);
  const [parent = "", ...children] = ids;
  for (const child of children) expect((await edit(child, { parentCredentialId: parent })).status).toBe(200);
  return { parent, children };
}

/** As a chain does: the child's next version has the parent's present value. */
async function takeValue(child: string, parent: string): Promise<void> {
  const versions = await api.db
    .select()
    .from(schema.secretVersions)
    .where(eq(schema.secretVersions.credentialId, child));
  await api.db
    .update(schema.secretVersions)
    .set({ status: "previous" })
    .where(eq(schema.secretVersions.credentialId, child));
  const [current] = await api.db
    .select()
    .from(schema.secretVersions)
    .where(sql`credential_id = ${parent} and status = 'current'`);
  const id = newId();
  const version = versions.length + 1;
  await api.db.insert(schema.secretVersions).values({
    id,
    credentialId: child,
    version,
    status: "current",
    origin: "parent",
    parentVersionId: current?.id ?? null,
    sealed: api.vault.seal(new Secret("same"), { versionId: id, credentialId: child, version }),
    promotedAt: sql`now()`,
  });
}

const stale = async () => {
  const { body } = await admin<Page>("GET", "/v1/children/stale");
  return body.items.map(({ credentialId }) => credentialId).toSorted();
};

describe("children", () => {
  it("are listed page by page, with what they have of their parent", async () => {
    const { parent, children } = await family(3, "paged");
    await takeValue(children[1] ?? "", parent);
    const first = await admin<Page>("GET", `/v1/credentials/${parent}/children?limit=2`);
    const second = await admin<Page>(
      "GET",
      `/v1/credentials/${parent}/children?limit=2&cursor=${first.body.nextCursor}`,
    );
    expect(second.body.nextCursor).toBeNull();
    const listed = [...first.body.items, ...second.body.items];
    expect(listed.map(({ credentialId }) => credentialId)).toEqual(children.toSorted());
    expect(listed.map((child) => [child.takenVersion, child.stale])).toEqual([
      [null, true],
      [1, false],
      [null, true],
    ]);
    expect(listed[1]).toMatchObject({
      childValue: "parent",
      currentVersion: 2,
      openCode: null,
      parent: { credentialId: parent, device: "paged", username: "user0", currentVersion: 1 },
    });
    for (const at of [listed[1]?.currentSince, listed[1]?.parent.currentSince])
      expect(Date.parse(at ?? "")).not.toBeNaN();
  });

  it("of a credential that is not there are not found", async () => {
    const { status, body } = await admin("GET", `/v1/credentials/${newId()}/children`);
    expect({ status, code: body["code"] }).toEqual({ status: 404, code: "credential.not-found" });
    expect((await admin("GET", "/v1/children/stale?colour=red")).status).toBe(400);
  });

  it("are stale while they lack their parent's present password, and only those that should have it", async () => {
    const before = await stale();
    const { parent, children } = await family(4, "stale");
    const [follows = "", behind = "", alone = "", inactive = ""] = children;
    await api.db.update(schema.credentials).set({ childValue: "own" }).where(eq(schema.credentials.id, alone));
    expect((await edit(inactive, { active: false })).status).toBe(200);
    for (const child of [follows, behind]) await takeValue(child, parent);
    expect(await stale()).toEqual(before);

    const stored = await admin("PUT", `/v1/credentials/${parent}/password`, { body: { password: "second" } });
    expect(stored.status).toBe(200);
    expect(await stale()).toEqual([...before, follows, behind].toSorted());
    await takeValue(follows, parent);
    expect(await stale()).toEqual([...before, behind].toSorted());
    // Changed alone: it has no value of its parent's at all.
    const own = await admin("PUT", `/v1/credentials/${follows}/password`, { body: { password: "own" } });
    expect(own.status).toBe(200);
    expect(await stale()).toEqual([...before, follows, behind].toSorted());
  });
});

describe("an operation's children", () => {
  it("are counted by state and named", async () => {
    const { parent, children } = await family(2, "counted");
    const requested = await admin<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: [parent] },
    });
    const code = requested.body.operations[0]?.code ?? 0;
    const opened = await api.db.transaction((tx) =>
      openOperations(tx, {
        kind: "child-password-change",
        priority: 2,
        reason: "",
        actor: { actor: "worker", person: "Ada" },
        parentCode: code,
        items: children.map((credentialId) => ({ credentialId, trigger: "parent" })),
      }),
    );
    await admin("POST", `/v1/operations/${opened[0]?.code}/cancel`);
    const { body } = await admin<{ children: OperationChildren }>("GET", `/v1/operations/${code}`);
    const found = body.children;
    expect(found.counts).toMatchObject({ scheduled: 1, canceled: 1, succeeded: 0 });
    expect(found.items.map((item) => [item.code, item.state, item.credentialId])).toEqual(
      opened.map(({ code: child, credentialId }, index) => [
        child,
        index === 0 ? "canceled" : "scheduled",
        credentialId,
      ]),
    );
  });
});

describe("a circle of parents", () => {
  it("is refused however long it is, with its path", async () => {
    const { ids } = await makeCredentials(admin, 6, "circle");
    for (const [index, id] of ids.entries())
      if (index > 0) expect((await edit(id, { parentCredentialId: ids[index - 1] })).status).toBe(200);
    const { status, body } = await edit(ids[0] ?? "", { parentCredentialId: ids[5] });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "credential.cycle" });
    expect(body.detail).toContain("user5 → user4 → user3 → user2 → user1 → user0");
    const itself = await edit(ids[0] ?? "", { parentCredentialId: ids[0] });
    expect(itself.body.code).toBe("credential.cycle");
  });

  it("is not closed by edits at the same moment", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { ids } = await makeCredentials(admin, 3, `race${round}`);
      const answers = await Promise.all(ids.map((id, index) => edit(id, { parentCredentialId: ids[(index + 1) % 3] })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 422]);
    }
  });
});
