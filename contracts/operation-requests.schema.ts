/** Requests of operations of all kinds but changes, which have a request of their own. */
import { z } from "zod";
import { Id, line, lines, Moment, OperationCode } from "./common.schema.ts";
import { JobParameters } from "./job-parameters.ts";
import { OpenedOperation } from "./operations.schema.ts";
import { ACCOUNT_KINDS } from "./states.ts";

const whenAndWhy = { scheduledFor: Moment.optional(), reason: lines(2000).default("") };

/** A look at a credential's own password, or a new one by its reconciliation account. */
const PasswordWork = z.strictObject({
  kind: z.enum(["verify-password", "reconcile-password"]),
  credentialId: Id,
  ...whenAndWhy,
});

const Job = z
  .strictObject({
    kind: z.enum([
      ...ACCOUNT_KINDS,
      "certificate-publication",
      "secret-management-automation",
      "task-manager",
      "aws-opsworks",
    ]),
    templateId: Id,
    deviceId: Id.optional().describe("Where the work is done; a credential says it, too."),
    credentialId: Id.optional().describe(
      "The account that it is about; its execution settings say who logs in. A password that a template of `user-creation` sends becomes its own.",
    ),
    authenticationCredentialId: Id.optional().describe("Else the account that logs in."),
    parameters: JobParameters.default({}),
    ...whenAndWhy,
  })
  .refine(
    ({ credentialId, authenticationCredentialId }) =>
      (credentialId === undefined) !== (authenticationCredentialId === undefined),
    { message: "exactly one of credentialId and authenticationCredentialId must be given" },
  )
  .refine((job) => job.authenticationCredentialId === undefined || job.deviceId !== undefined, {
    path: ["deviceId"],
    message: "is required with authenticationCredentialId",
  });

const Ephemeral = z
  .strictObject({
    lifetimeMinutes: z.int().min(1).max(525_600).describe("From when it is due: then the account is removed."),
    removalTemplateId: Id,
    username: JobParameters.shape.username,
    usernamePattern: line(64)
      .regex(/^(?!-)[^#]*(?:#[^#]*){4,}$/u, "must hold # at least four times, and not begin with a hyphen")
      .optional()
      .describe("Each `#` becomes a letter or digit drawn at random."),
    domain: line(253).optional(),
    additionalInfo: line(500).optional(),
  })
  .refine(({ username, usernamePattern }) => (username === undefined) !== (usernamePattern === undefined), {
    message: "exactly one of username and usernamePattern must be given",
  })
  .meta({ id: "Ephemeral", description: "The account to be made, for how long, and what takes it away." });
export type Ephemeral = z.infer<typeof Ephemeral>;

const EphemeralCreation = z.strictObject({
  kind: z.literal("ephemeral-credential-creation"),
  templateId: Id,
  deviceId: Id,
  authenticationCredentialId: Id.describe("The account that logs in."),
  ephemeral: Ephemeral,
  parameters: JobParameters.default({}),
  ...whenAndWhy,
});

/** Refused by name. */
const Elsewhere = z
  .looseObject({ kind: z.enum(["change-password", "child-password-change", "ephemeral-credential-removal"]) })
  .describe("Made by other requests, or by other operations: refused.");

export const OperationInput = z
  .discriminatedUnion("kind", [PasswordWork, Job, EphemeralCreation, Elsewhere])
  .meta({ id: "OperationRequest" });

export const RequestedOperation = z
  .object({
    ...OpenedOperation.shape,
    removalCode: OperationCode.optional().describe("Of an ephemeral credential: the operation that removes it."),
    givesPassword: z
      .literal(true)
      .optional()
      .describe("Of a user's creation: the credential gets a new password by it."),
  })
  .meta({ id: "RequestedOperation" });
