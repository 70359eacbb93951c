/** What people edit while a password is in doubt: the probe goes on with what the attempt began with. No worker. */
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { newId } from "../../db/new-id.ts";
import { takeAgain } from "../../db/queries/apply-again.ts";
import { passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { editCredential } from "../../db/queries/credentials.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { requestReconciliation } from "../../db/queries/reconcile.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { stageAttempt } from "../helpers/staging.ts";

const settings = Settings.parse({ intervalMinutes: 0 });

let estate: Estate;
let deviceId: string;
let administrator: string;

beforeEach(async () => {
  estate = await Estate.open();
  deviceId = await estate.addDevice({ address: "127.0.0.1" });
  administrator = await estate.addCredential({ deviceId, plugin: "ssh", username: "root", password: "kept" });
});
afterEach(() => estate.close());

/** A template with one running version; a later version waits for its approval. */
async function addTemplate(name: string, versions: readonly string[]): Promise<string> {
  const id = newId();
  await estate.db
    .insert(schema.templates)
    .values({ id, name, plugin: "ssh", kind: "change-password", activeVersion: 1 });
  const rows = versions.map((body, index) => ({ templateId: id, version: index + 1, body, author: "tester" }));
  await estate.db.insert(schema.templateVersions).values(rows);
  return id;
}

/** A change whose worker was lost after it sent something. */
async function leaveInDoubt(code: number): Promise<void> {
  await passPointOfNoReturn(estate.db, await stageAttempt(estate, code, settings), 0);
}

async function look(code: number) {
  const taken = await takeOver(estate.db, { code, run: 1, settleMs: () => 0, wakeInMs: 60_000 });
  if (taken.kind !== "taken") throw new Error(taken.kind);
  return taken.attempt;
}

async function edit(id: string, patch: Parameters<typeof editCredential>[1]["patch"]): Promise<void> {
  const [row] = await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, id));
  await estate.db.transaction((tx) => editCredential(tx, { id, revision: row?.revision ?? 0, patch }));
}

const byAdministrator = (templateId: string | null) =>
  estate.addCredential({
    deviceId,
    plugin: "ssh",
    username: "deploy",
    password: "kept",
    useOwnCredential: false,
    authenticationCredentialId: administrator,
    templateId,
  });

it("another template's version of the same number is neither looked nor applied again with", async () => {
  const begun = await addTemplate("begun", ["send [#NEW_PASSWORD#]", "approved"]);
  await estate.db.update(schema.templates).set({ activeVersion: 2 });
  const other = await addTemplate("other", ["runs", "nobody has approved this"]);
  const credentialId = await byAdministrator(begun);
  const [code = 0] = await estate.request(credentialId);
  await leaveInDoubt(code);
  await estate.db.update(schema.credentials).set({ templateId: other }).where(eq(schema.credentials.id, credentialId));
  const held = await look(code);
  expect(held.parties.template).toMatchObject({ id: begun, version: 2, body: "approved" });
  expect(held.parties.ownTemplate, "how one logs in is the person's newest word").toMatchObject({
    id: other,
    version: 1,
  });
  const { epoch } = held;
  expect(await takeAgain(estate.db, { code, epoch, settings, changeMs: 60_000 })).toMatchObject({
    kind: "staged",
    attempt: { parties: { template: { id: begun, version: 2 } } },
  });
});

it("a template that was switched off still says how to log in", async () => {
  const begun = await addTemplate("begun", ["send [#NEW_PASSWORD#]"]);
  const [code = 0] = await estate.request(await byAdministrator(begun));
  await leaveInDoubt(code);
  await estate.db.update(schema.templates).set({ active: false });
  const { parties } = await look(code);
  expect(parties.template).toMatchObject({ id: begun, version: 1 });
  expect(parties.ownTemplate).toMatchObject({ id: begun, version: 1 });
});

it("a reconciliation whose second account was taken away is looked into, and applied by nobody", async () => {
  const credentialId = await estate.addCredential({
    deviceId,
    plugin: "linux",
    username: "deploy",
    password: "kept",
    reconciliationEnabled: true,
    reconciliationCredentialId: administrator,
    reconciliationPlugin: "linux",
  });
  const actor = { actor: "test", person: "tester" };
  const asked = { credentialId, reason: "", actor, plugins: PLUGINS };
  const { code } = await estate.db.transaction((tx) => requestReconciliation(tx, asked));
  await leaveInDoubt(code);
  await edit(credentialId, {
    reconciliation: { enabled: false, autorun: false, credentialId: null, plugin: null, templateId: null },
  });
  const { everSent, parties, mayApplyAgain } = await look(code);
  expect({ everSent, mayApplyAgain }).toEqual({ everSent: true, mayApplyAgain: false });
  expect(parties.authenticator.id, "its own password says what it is").toBe(credentialId);
  expect(parties.plugin).toBe("linux");
});

it.each(["device", "account", "administrator"])("what was deactivated gets nothing more: %s", async (which) => {
  const credentialId = await byAdministrator(await addTemplate("begun", ["send [#NEW_PASSWORD#]"]));
  const [code = 0] = await estate.request(credentialId);
  await leaveInDoubt(code);
  expect(await look(code)).toMatchObject({ mayApplyAgain: true });
  const { devices, credentials } = schema;
  if (which === "device") await estate.db.update(devices).set({ active: false });
  else
    await estate.db
      .update(credentials)
      .set({ active: false })
      .where(eq(credentials.id, which === "account" ? credentialId : administrator));
  const { epoch, mayApplyAgain } = await look(code);
  expect(mayApplyAgain).toBe(false);
  expect(await takeAgain(estate.db, { code, epoch, settings, changeMs: 60_000 })).toEqual({ kind: "lost" });
});
