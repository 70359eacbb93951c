import { z } from "zod";
import { OperationChildren } from "./children.schema.ts";
import { Code, Id, lines, Moment, OperationCode, State, Timestamp } from "./common.schema.ts";
import { CredentialQuery } from "./credentials.schema.ts";
import { ApprovalRules } from "./policies.schema.ts";
import { OPERATION_KINDS, PHASES, STEPS, TRIGGERS, WAITING_FOR } from "./states.ts";

const CredentialFilter = CredentialQuery.omit({ cursor: true, limit: true })
  .extend({ active: z.boolean().optional(), changeable: z.boolean().optional(), attention: z.boolean().optional() })
  .refine((filter) => Object.keys(filter).length > 0, { message: "must name at least one field" })
  .meta({ id: "CredentialFilter", description: "As the filters of GET /v1/credentials; at least one." });
export type CredentialFilter = z.infer<typeof CredentialFilter>;

export const ChangesInput = z
  .strictObject({
    credentialIds: z.array(Id).min(1).max(10_000).optional(),
    filter: CredentialFilter.optional().describe("Instead of ids: all that match, at most 10,000."),
    scheduledFor: Moment.optional(),
    reason: lines(2000).optional(),
  })
  .refine(({ credentialIds, filter }) => (credentialIds === undefined) !== (filter === undefined), {
    message: "exactly one of credentialIds and filter must be given",
  })
  .meta({ id: "ChangesRequest" });

export const OpenedOperation = z
  .object({ code: OperationCode, credentialId: Id, state: State })
  .meta({ id: "OpenedOperation" });

export const ChangesAccepted = z
  .object({
    operations: z.array(OpenedOperation),
    refused: z.array(
      z.object({ credentialId: Id, code: Code, detail: z.string(), openCode: OperationCode.optional() }),
    ),
  })
  .meta({ id: "ChangesAccepted" });
export type ChangesAccepted = z.infer<typeof ChangesAccepted>;

const approvalFields = {
  rule: ApprovalRules,
  round: z
    .int()
    .describe("Counts up whenever what is to be approved changed; earlier decisions do not count any more."),
  digest: z
    .string()
    .nullable()
    .describe("SHA-256 over what an approval binds: the device's address, port, host key and settings, the accounts."),
  expiresAt: Timestamp.nullable().describe("Until when it may be approved; null once it was."),
};

const Decision = z.object({
  round: z.int(),
  person: z.string(),
  level: z.int().describe("Place in the rule's levels, from 0."),
  decision: z.enum(["approved", "rejected"]),
  comment: z.string(),
  at: Timestamp,
});

export const ApprovalDetails = z
  .object({
    ...approvalFields,
    askedLevel: z.int().nullable().describe("Whose turn it is; null unless it is awaiting approval."),
    decisions: z.array(Decision),
  })
  .meta({ id: "ApprovalDetails" });
export type ApprovalDetails = z.infer<typeof ApprovalDetails>;

const operationFields = {
  code: OperationCode,
  kind: z.enum(OPERATION_KINDS),
  state: State,
  phase: z
    .enum(PHASES)
    .nullable()
    .describe(
      "While it runs: under way, or its password is in doubt. `sentAt` of its attempt says whether it was sent.",
    ),
  run: z.int(),
  credentialId: Id,
  deviceId: Id,
  target: z
    .object({
      username: z.string(),
      domain: z.string(),
      device: z.string(),
      address: z.string(),
      manufacturer: z.string(),
      model: z.string(),
      site: z.string(),
      url: z.string(),
      tags: z.array(z.string()),
    })
    .describe("The target as it was when the operation was requested."),
  templateId: Id.nullable().describe("Of kinds that run a template of their own."),
  parameters: z.record(z.string(), z.string()).describe("Values for tags of that template."),
  policyId: Id.nullable().describe("The policy it was requested under: its limits, windows and approval hold."),
  parentCode: OperationCode.nullable().describe("The operation whose success made this one."),
  approval: z.object(approvalFields).meta({ id: "Approval" }).nullable().describe("Who must agree; null: nobody."),
  trigger: z.enum(TRIGGERS),
  requestedBy: z.string(),
  reason: z.string(),
  priority: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  runAttempts: z.int(),
  attempts: z.int(),
  scheduledFor: Timestamp,
  dueAt: Timestamp,
  waitingFor: z
    .enum(WAITING_FOR)
    .nullable()
    .describe("What it waits for while it is scheduled; while it runs, before its password is sent once more."),
  outcome: Code.nullable(),
  requestedAt: Timestamp,
  executedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
};

export const Operation = z.object(operationFields).meta({ id: "Operation" });
export type Operation = z.infer<typeof Operation>;

export const Outcome = z
  .union([Code, z.literal("change.succeeded")], "must be change.succeeded or a code of docs/errors.md")
  .meta({ id: "Outcome" });

export const attemptFields = {
  number: z.int(),
  run: z.int(),
  plugin: z.string(),
  templateId: Id.nullable(),
  templateVersion: z.int().nullable(),
  authenticatorId: Id,
  worker: z.string(),
  startedAt: Timestamp,
  sentAt: Timestamp.nullable().describe("From here the new password may be live."),
  endedAt: Timestamp.nullable(),
  outcome: Outcome.nullable().describe("Null: under way."),
  message: z.string().describe("What the outcome means for an operator; empty while it is under way."),
  detail: z.string().describe("What the device said, secrets masked."),
  steps: z.array(
    z.object({
      step: z.enum(STEPS),
      startedAt: Timestamp,
      endedAt: Timestamp,
      ms: z.number(),
      code: Code.optional(),
    }),
  ),
};

export const Attempt = z
  .object({
    ...attemptFields,
    epoch: z.int(),
    leaseUntil: Timestamp.nullable(),
    transcript: z.string().describe("The conversation with the device, secrets masked."),
    secretVersion: z.int().nullable(),
  })
  .meta({ id: "Attempt" });
export type Attempt = z.infer<typeof Attempt>;

export const AttemptList = z.object({ items: z.array(Attempt) }).meta({ id: "AttemptList" });

export const LiveProgress = z
  .object({
    step: z.enum(["awaiting-approval", "waiting", "changing", "probing", "settling", "done"]),
    attempt: z.int(),
    nextAt: Timestamp.nullable(),
    waitingFor: z.enum(WAITING_FOR).nullable(),
    heartbeat: z
      .object({ step: z.enum(STEPS), attempt: z.int() })
      .nullable()
      .describe("What the worker said last while it talks to the device."),
  })
  .meta({ id: "LiveProgress" });
export type LiveProgress = z.infer<typeof LiveProgress>;

export const OperationDetails = z
  .object({
    ...operationFields,
    approval: ApprovalDetails.nullable(),
    attemptList: z.array(Attempt),
    children: OperationChildren,
    progress: LiveProgress.nullable().describe("From the workflow; null when it did not answer within 300 ms."),
  })
  .meta({ id: "OperationDetails" });
