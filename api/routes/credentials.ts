import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  Checked,
  Credential,
  CredentialDetails,
  CredentialInput,
  CredentialPage,
  CredentialPatch,
  CredentialQuery,
} from "../../contracts/credentials.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Secret } from "../../contracts/secret.ts";
import { isTotpSeed, totpBinding } from "../../crypto/totp.ts";
import type { Transaction } from "../../db/client.ts";
import { auditObject } from "../../db/queries/audit.ts";
import {
  createCredential,
  editCredential,
  listCredentials,
  readCredential,
  readCredentialDetails,
  storeTotp,
} from "../../db/queries/credentials.ts";
import { readDevice } from "../../db/queries/devices.ts";
import { refuseBadReconciliation } from "../../db/queries/reconcile.ts";
import { refuseOtherForm } from "../../db/queries/secret-form.ts";
import { storePassword } from "../../db/queries/secrets.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { checkSecretForm } from "../secret-form.ts";
import { inspectionMs } from "./devices.ts";

const tag = "credentials";
const params = z.strictObject({ id: Id });
const SAVE_REFUSALS = [
  "request.conflict",
  "credential.plugin-unknown",
  "credential.no-authenticator",
  "credential.no-reconciliation",
  "credential.no-template",
  "template.not-active",
  "template.unfit",
  "credential.cycle",
  "strength.not-found",
] as const;

export function addCredentialRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials",
    id: "createCredential",
    tag,
    summary: "Register an account, with its present password if it is known",
    permission: "administer",
    body: CredentialInput,
    answer: Credential,
    status: 201,
    kind: "makes",
    refusals: SAVE_REFUSALS,
    async handle({ body: { password, totpSecret, ...input }, actor, transact }) {
      checkPlugin(deps, input.plugin, password);
      checkSeed(totpSecret);
      return transact(async (tx) => {
        const id = await createCredential(tx, input);
        await keepSeed(deps, tx, { id, totpSecret });
        if (input.reconciliation) await refuseBadReconciliation(tx, id, deps.plugins);
        await auditObject(tx, actor, { action: "credential.created", objectType: "credential", objectId: id });
        if (password)
          await storePassword(tx, {
            credentialId: id,
            seal: (binding) => deps.vault.seal(password, binding),
            reason: "",
            resolves: false,
            actor,
          });
        return readCredential(tx, id);
      });
    },
  });
  add({
    method: "GET",
    url: "/v1/credentials",
    id: "listCredentials",
    tag,
    summary:
      "List credentials; `changeable` gives those that accept a change, `attention` those that wait for a person",
    permission: "read",
    query: CredentialQuery,
    answer: CredentialPage,
    handle: ({ query }) => listCredentials(deps.db, query, deps.plugins),
  });
  add({
    method: "GET",
    url: "/v1/credentials/:id",
    id: "getCredential",
    tag,
    summary: "Show a credential, the policy that holds for it and why",
    permission: "read",
    params,
    answer: CredentialDetails,
    refusals: ["credential.not-found"],
    handle: ({ params: { id } }) => readCredentialDetails(deps.db, id),
  });
  addEditRoute(add, deps);
  addCheckRoute(add, deps);
}

function addEditRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PATCH",
    url: "/v1/credentials/:id",
    id: "editCredential",
    tag,
    summary: "Edit a credential; the device is not contacted, and it applies from the next attempt",
    permission: "administer",
    params,
    body: CredentialPatch,
    answer: Credential,
    kind: "edits",
    refusals: ["credential.not-found", "credential.unresolved", ...SAVE_REFUSALS],
    async handle({ params: { id }, body: { totpSecret, ...patch }, actor, transact, revision }) {
      const edit = { id, revision: revision(), patch };
      checkSeed(totpSecret);
      if (patch.plugin !== undefined) checkPlugin(deps, patch.plugin);
      return transact(async (tx) => {
        if (patch.plugin !== undefined) await refuseOtherForm(tx, { id, plugin: patch.plugin }, deps.plugins);
        await editCredential(tx, edit);
        await keepSeed(deps, tx, { id, totpSecret });
        if (patch.reconciliation !== undefined || patch.plugin !== undefined)
          await refuseBadReconciliation(tx, id, deps.plugins);
        const details = { fields: [...Object.keys(patch), ...(totpSecret === undefined ? [] : ["totpSecret"])] };
        await auditObject(tx, actor, { action: "credential.edited", objectType: "credential", objectId: id, details });
        return readCredential(tx, id);
      });
    },
  });
}

function addCheckRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/check",
    id: "checkCredential",
    tag,
    summary: "Log in with the stored password and say what the device answered",
    permission: "operate",
    params,
    answer: Checked,
    refusals: ["credential.not-found", "credential.no-password", "login-budget.used"],
    async handle({ params: { id }, actor }) {
      const credential = await readCredential(deps.db, id);
      if (credential.currentVersion === null) throw new ApiProblem("credential.no-password");
      const { site } = await readDevice(deps.db, credential.deviceId);
      const result = await deps.orchestrator.check({ credentialId: id, site }, await inspectionMs(deps));
      await auditObject(deps.db, actor, {
        action: "credential.checked",
        objectType: "credential",
        objectId: id,
        details: { verdict: result.verdict, code: result.code },
      });
      return result;
    },
  });
}

function checkPlugin({ plugins }: ApiDeps, kind: string, password?: Secret): void {
  if (plugins.every((plugin) => plugin.kind !== kind)) throw new ApiProblem("credential.plugin-unknown");
  if (password) checkSecretForm(plugins, kind, password);
}

function checkSeed(seed: Secret | null | undefined): void {
  if (!seed || isTotpSeed(seed.reveal())) return;
  const rule = "must be the seed of one-time passwords: base32 of at least 16 characters";
  const errors = [{ field: "totpSecret", rule, got: "another text" }];
  throw new ApiProblem("request.invalid", `totpSecret: ${rule}.`, { errors });
}

/** An absent seed stays as it is, null is none. */
async function keepSeed(
  { vault }: ApiDeps,
  tx: Transaction,
  { id, totpSecret }: { id: string; totpSecret: Secret | null | undefined },
): Promise<void> {
  if (totpSecret === undefined) return;
  await storeTotp(tx, id, totpSecret && vault.seal(totpSecret, totpBinding(id)));
}
