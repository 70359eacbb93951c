import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  PasswordInput,
  RestoreInput,
  Revealed,
  RevealInput,
  VersionList,
  VersionNumber,
} from "../../contracts/credentials.schema.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { readCredential } from "../../db/queries/credentials.ts";
import { listVersions, readVersion, restoreVersion, storePassword } from "../../db/queries/secrets.ts";
import { noteView } from "../../db/queries/uses.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { checkSecretForm } from "../secret-form.ts";

const tag = "passwords";
const params = z.strictObject({ id: Id });

export function addPasswordRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PUT",
    url: "/v1/credentials/:id/password",
    id: "storePassword",
    tag,
    summary: "Store the password that the account has now; the device is not contacted",
    permission: "administer",
    params,
    body: PasswordInput,
    answer: VersionNumber,
    refusals: ["credential.not-found", "credential.change-open", "credential.unresolved"],
    async handle({ params: { id }, body: { password, reason, resolves }, actor, transact }) {
      checkSecretForm(deps.plugins, (await readCredential(deps.db, id)).plugin, password);
      const { version, wake } = await transact((tx) =>
        storePassword(tx, {
          credentialId: id,
          seal: (binding) => deps.vault.seal(password, binding),
          reason: reason ?? "",
          resolves: resolves ?? false,
          actor,
        }),
      );
      deps.orchestrator.signal(wake, "wake");
      return { version };
    },
  });
  addRevealRoute(add, deps);
  add({
    method: "GET",
    url: "/v1/credentials/:id/versions",
    id: "listVersions",
    tag,
    summary: "List the versions of a password, without their values",
    permission: "read",
    params,
    answer: VersionList,
    refusals: ["credential.not-found"],
    handle: async ({ params: { id } }) => ({ items: await listVersions(deps.db, id) }),
  });
  addRestoreRoute(add, deps);
}

function addRevealRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/reveal",
    id: "revealPassword",
    tag,
    summary: "Show a password in clear text; every view is audited, and its policy may change it after the first",
    permission: "reveal",
    params,
    body: RevealInput,
    answer: Revealed,
    requestsPerMinute: 600,
    refusals: ["version.not-found", "secret.unreadable"],
    async handle({ params: { id }, body: { version, reason }, actor, transact }) {
      const row = await readVersion(deps.db, id, version);
      const secret = deps.vault.open(row.sealed, { versionId: row.id, credentialId: id, version: row.version });
      // Committed before the answer goes out: no view without its record.
      await transact(async (tx) => {
        await noteView(tx, { credentialId: id, versionId: row.id });
        await auditObject(tx, actor, {
          action: "credential.revealed",
          objectType: "credential",
          objectId: id,
          details: { version: row.version, reason },
        });
      });
      return { credentialId: id, version: row.version, status: row.status, password: secret.reveal() };
    },
  });
}

function addRestoreRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/restore",
    id: "restoreVersion",
    tag,
    summary: "Make a kept version the current one; the device is not contacted",
    permission: "administer",
    params,
    body: RestoreInput,
    answer: VersionNumber,
    kind: "makes",
    refusals: ["credential.not-found", "version.not-found", "credential.change-open", "request.stale"],
    async handle({ params: { id }, body, actor, transact }) {
      const { version, wake } = await transact(async (tx) => ({
        version: body.version,
        wake: await restoreVersion(tx, { credentialId: id, ...body, actor }),
      }));
      deps.orchestrator.signal(wake, "wake");
      return { version };
    },
  });
}
