import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import { isErrorCode } from "../../contracts/errors.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { Rehearsal } from "../../contracts/templates.schema.ts";
import { newId } from "../../db/new-id.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { readCredential } from "../../db/queries/credentials.ts";
import { readDevice } from "../../db/queries/devices.ts";
import { readRehearsal } from "../../db/queries/rehearsals.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

/** The worker gives up after a minute on the device; some time to be taken up, and to log in. Milliseconds. */
const PATIENCE_MS = 90_000;

export function addRehearseRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/credentials/:id/rehearse",
    id: "rehearseCredential",
    tag: "credentials",
    summary: "Log in and run the credential's template up to the line before the first password; lines before are sent",
    permission: "operate",
    params: z.strictObject({ id: Id }),
    answer: Rehearsal,
    refusals: [
      "credential.not-found",
      "credential.change-open",
      "credential.no-authenticator",
      "credential.no-template",
      "template.not-active",
      "template.no-rehearsal",
      "credential.no-password",
      "credential.plugin-unknown",
    ],
    async handle({ params: { id }, actor }) {
      const credential = await readCredential(deps.db, id);
      const { openCode } = credential;
      if (openCode !== null) throw new ApiProblem("credential.change-open", undefined, { openCode });
      const { site } = await readDevice(deps.db, credential.deviceId);
      const rehearsalId = newId();
      const { code } = await deps.orchestrator.rehearse({ rehearsalId, credentialId: id, site }, PATIENCE_MS);
      const details = { code, templateId: credential.templateId };
      await auditObject(deps.db, actor, {
        action: "credential.rehearsed",
        objectType: "credential",
        objectId: id,
        details,
      });
      const seen = await readRehearsal(deps.db, rehearsalId);
      if (!seen) throw new ApiProblem(isErrorCode(code) ? code : "service.fault");
      return seen;
    },
  });
}
