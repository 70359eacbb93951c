import { z } from "zod";
import {
  Code,
  Flag,
  Id,
  line,
  lines,
  Moment,
  OperationCode,
  pageOf,
  paging,
  Reason,
  Tags,
  Timestamp,
} from "./common.schema.ts";
import { ResolvedPolicy } from "./policies.schema.ts";
import { Secret } from "./secret.ts";
import { SECRET_STATUSES } from "./states.ts";

/** One line without control characters; or a private key in PEM, which has several (RFC 7468). */
const SECRET_FORM =
  /^(?:[^\p{Cc}\p{Cs}]{1,1024}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\r?\n(?:[A-Za-z0-9+/=]{1,80}\r?\n)+-----END (?:[A-Z]+ )?PRIVATE KEY-----\s*)$/u;

/** A password or a private key in a request, wrapped at the edge so that nothing can print it. */
export const Password = z
  .string()
  .min(1)
  .max(16_384)
  .regex(SECRET_FORM, "must be up to 1,024 characters without control characters, or a private key in PEM")
  .transform((text) => new Secret(text))
  .describe("Clear text; it is sealed before it is stored.");

/** A seed in a request, wrapped at the edge like a password. Whether it is one is asked of `crypto/totp.ts`. */
const TotpSecret = z
  .string()
  .max(500)
  .transform((text) => new Secret(text))
  .describe(
    "Seed of one-time passwords, in base32: what templates make `[#TOTP_TOKEN#]` from. It is sealed, never shown.",
  );

const Verdict = z.enum(["accepted", "rejected", "unknown"]);

/** Fields of the original's form: reconciliation credential status, autorun, credential, plugin, template. */
const reconciliation = {
  enabled: z.boolean().describe("Whether another account may set the password when no stored one logs in."),
  autorun: z.boolean().describe("Whether that is done without being asked, after the outcomes of `reconcileOn`."),
  credentialId: Id.nullable().describe("The account that sets it."),
  plugin: line(100).min(1).nullable().describe("How; null: the credential's own plugin."),
  templateId: Id.nullable(),
};

const fields = {
  plugin: line(100).min(1),
  username: line(256).min(1),
  domain: line(253),
  additionalInfo: line(500),
  type: line(100),
  tags: Tags,
  notes: lines(10_000),
  automaticChange: z.boolean(),
  templateId: Id.nullable(),
  useOwnCredential: z.boolean(),
  authenticationCredentialId: Id.nullable(),
  parentCredentialId: Id.nullable(),
  childValue: z
    .enum(["parent", "own"])
    .describe("What it gets after its parent changed: the parent's value, or a new one of its own."),
  reconciliation: z.strictObject(reconciliation).partial().meta({ id: "ReconciliationSettings" }),
  strengthId: Id.nullable(),
};

export const CredentialInput = z
  .strictObject({ deviceId: Id, ...fields, password: Password, totpSecret: TotpSecret })
  .partial()
  .required({ deviceId: true, plugin: true, username: true })
  .meta({ id: "NewCredential" });
export type CredentialInput = z.infer<typeof CredentialInput>;

export const CredentialPatch = z
  .strictObject({ ...fields, active: z.boolean(), totpSecret: TotpSecret.nullable() })
  .partial()
  .meta({ id: "CredentialPatch" });
export type CredentialPatch = z.infer<typeof CredentialPatch>;

const credentialFields = {
  id: Id,
  deviceId: Id,
  device: z.string().describe("The device's name."),
  plugin: z.string(),
  username: z.string(),
  domain: z.string(),
  additionalInfo: z.string(),
  type: z.string(),
  tags: z.array(z.string()),
  notes: z.string(),
  active: z.boolean(),
  automaticChange: z.boolean(),
  templateId: Id.nullable(),
  useOwnCredential: z.boolean(),
  authenticationCredentialId: Id.nullable(),
  parentCredentialId: Id.nullable(),
  childValue: z.enum(["parent", "own"]),
  reconciliation: z.object(reconciliation).meta({ id: "Reconciliation" }),
  strengthId: Id.nullable(),
  hasTotp: z.boolean().describe("Whether a seed of one-time passwords is stored."),
  currentVersion: z.int().nullable().describe("Number of the current password; null when none is stored."),
  unresolvedVersion: z.int().nullable().describe("Number of a new password whose fate is not proven."),
  openCode: OperationCode.nullable().describe("The change that is open."),
  attention: Code.nullable().describe("Why the credential waits for a person."),
  attentionSince: Timestamp.nullable(),
  lastCheck: Verdict.nullable(),
  lastCheckCode: Code.nullable(),
  lastCheckAt: Timestamp.nullable(),
  lastCheckSince: Timestamp.nullable().describe("Since when every check says the same."),
  changedAt: Timestamp.nullable(),
  policy: ResolvedPolicy.nullable().describe("null: it changes on request only."),
  driven: z.boolean().describe("Whether a change of it succeeded, from which on its policy drives it."),
  nextChangeAt: Timestamp.nullable().describe("When its policy changes it next, windows and pauses left aside."),
  nextTrigger: z.enum(["age", "view", "session"]).nullable(),
  viewedAt: Timestamp.nullable().describe("When the present password was first seen by a person."),
  sessionEndedAt: Timestamp.nullable().describe("When the first session that used the present password ended."),
  expiredAt: Timestamp.nullable().describe("When a person declared the present password expired."),
  lastFailure: Code.nullable().describe("How its latest change failed; null when it succeeded or a person settled it."),
  automaticNotBefore: Timestamp.nullable().describe("No automatic change starts before."),
  automaticRefusal: Code.nullable().describe("Why; null after a failed change, or when nothing stands in the way."),
  revision: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
};

export const Credential = z.object(credentialFields).meta({ id: "Credential" });
export type Credential = z.infer<typeof Credential>;

export const CredentialDetails = z
  .object({
    ...credentialFields,
    otherPolicies: z
      .array(z.object({ id: Id, name: z.string(), priority: z.int() }))
      .describe("Policies that it fits, too, in the order in which they would follow."),
  })
  .meta({ id: "CredentialDetails" });
export type CredentialDetails = z.infer<typeof CredentialDetails>;

export const CredentialPage = pageOf(Credential, "CredentialPage");

export const CredentialQuery = z.strictObject({
  ...paging,
  username: line(256).optional().describe("Part of the user name, in any case."),
  device: line(200).optional().describe("Part of the device's name, in any case."),
  deviceId: Id.optional(),
  plugin: line(100).optional(),
  active: Flag.optional(),
  changeable: Flag.optional().describe("Those that accept a change now, or those that do not."),
  attention: Flag.optional().describe("Those that wait for a person, or those that do not."),
  policyId: Id.optional().describe("Those that the policy holds for."),
  refused: Flag.optional().describe("Those that were due by policy and accepted no change, or those that were not."),
  lastCheck: Verdict.optional().describe("What the last log-in with the stored password said."),
  lastCheckSince: Moment.optional().describe("Those whose checks say the same since then or later."),
});
export type CredentialQuery = z.infer<typeof CredentialQuery>;

export const PasswordInput = z
  .strictObject({
    password: Password,
    reason: Reason.optional(),
    resolves: z.literal(true).optional().describe("Says that this password settles the doubt about a kept one."),
  })
  .meta({ id: "GivenPassword" });

export const VersionNumber = z.object({ version: z.int() }).meta({ id: "VersionNumber" });

export const RevealInput = z
  .strictObject({ version: z.int().min(1).optional(), reason: Reason })
  .meta({ id: "RevealRequest" });

export const Revealed = z
  .object({ credentialId: Id, version: z.int(), status: z.enum(SECRET_STATUSES), password: z.string() })
  .meta({ id: "Revealed" });

export const Version = z
  .object({
    version: z.int(),
    status: z.enum(SECRET_STATUSES),
    origin: z.enum(["generated", "stored", "parent"]),
    operationCode: OperationCode.nullable(),
    createdAt: Timestamp,
    promotedAt: Timestamp.nullable(),
    kept: z.boolean().describe("Whether the value is still stored."),
  })
  .meta({ id: "Version" });
export type Version = z.infer<typeof Version>;

export const VersionList = z.object({ items: z.array(Version) }).meta({ id: "VersionList" });

export const RestoreInput = z
  .strictObject({
    version: z.int().min(1),
    expectedCurrent: z.int().min(1).nullable().describe("The version believed current; null when there is none."),
    reason: Reason,
  })
  .meta({ id: "RestoreRequest" });

export const Checked = z.object({ verdict: Verdict, code: Code }).meta({ id: "Checked" });
