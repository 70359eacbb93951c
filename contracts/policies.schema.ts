import { z } from "zod";
import { Code, Flag, Id, line, name, pageOf, paging, Timestamp } from "./common.schema.ts";
import { Settings } from "./settings.schema.ts";

/** Ten years. */
const MOST_MINUTES = 5_256_000;
const minutes = (least: number) => z.int().min(least).max(MOST_MINUTES);

const values = z.array(line(500).min(1)).min(1).max(200).exactOptional();

export const CRITERIA = [
  "devices",
  "models",
  "deviceTypes",
  "sites",
  "deviceTags",
  "credentialTags",
  "credentialTypes",
  "additionalInfo",
] as const;

export const CriteriaRules = z
  .strictObject({
    devices: values.describe("Names of devices; * stands for any run of characters."),
    models: values,
    deviceTypes: values,
    sites: values,
    deviceTags: values,
    credentialTags: values,
    credentialTypes: values,
    additionalInfo: values,
  } satisfies Record<(typeof CRITERIA)[number], z.ZodType>)
  .meta({ id: "PolicyCriteria" })
  .describe("A credential must fit each list given, in any case; without any list all credentials fit.");

function distinct(items: readonly unknown[]): boolean {
  return new Set(items).size === items.length;
}

const WindowRules = z
  .strictObject({
    days: z.array(z.int().min(1).max(7)).min(1).max(7).refine(distinct, "must not name a day twice"),
    hours: z.array(z.int().min(0).max(23)).min(1).max(24).refine(distinct, "must not name an hour twice"),
  })
  .meta({ id: "Window" })
  .describe("Weekdays (1 Monday to 7 Sunday) and hours of local time.");

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const WindowsRules = z
  .strictObject({
    timeZone: line(100).refine(
      isTimeZone,
      "must be an IANA time zone, for instance Europe/Berlin, or a fixed offset, for instance -03:00",
    ),
    age: WindowRules.exactOptional().describe("When changes due by age may start; at any time when absent."),
    use: WindowRules.exactOptional().describe("When changes due by a view or a session may start."),
  })
  .meta({ id: "Windows" });

const LimitsRules = z
  .strictObject({
    attempts: Settings.shape.attempts.unwrap().exactOptional(),
    intervalMinutes: Settings.shape.intervalMinutes.unwrap().exactOptional(),
    connectTimeoutSeconds: Settings.shape.connectTimeoutSeconds.unwrap().exactOptional(),
    readTimeoutSeconds: Settings.shape.readTimeoutSeconds.unwrap().exactOptional(),
    coolDownDays: Settings.shape.coolDownDays.unwrap().exactOptional(),
  })
  .meta({ id: "PolicyLimits" })
  .describe("What is absent is as in the global settings.");

const LevelRules = z
  .strictObject({
    approvals: z.int().min(1).max(10).describe("Different persons that must approve."),
    approvers: z.array(name(200)).max(100).describe("Persons who may; anybody with the role when empty."),
  })
  .refine(
    ({ approvals, approvers }) =>
      approvers.length === 0 || new Set(approvers.map((name) => name.toLowerCase())).size >= approvals,
    "must name at least as many approvers as approvals",
  );

/** Whether different persons can make all approvals: each decides once, whatever the level. */
function canBePassed(levels: readonly z.infer<typeof LevelRules>[]): boolean {
  const named = levels.filter(({ approvers }) => approvers.length > 0);
  const some = Array.from({ length: 2 ** named.length }, (_, mask) => named.filter((_level, bit) => mask & (1 << bit)));
  return some.every((group) => {
    const persons = new Set(group.flatMap(({ approvers }) => approvers.map((person) => person.toLowerCase())));
    return persons.size >= group.reduce((sum, { approvals }) => sum + approvals, 0);
  });
}

export const ApprovalRules = z
  .strictObject({
    levels: z
      .array(LevelRules)
      .max(3)
      .refine(canBePassed, "must name enough different persons: each approves once, whatever the level")
      .describe("Asked one after another; none: no approval, whatever the kind."),
    expiresMinutes: Settings.shape.approvalExpiresMinutes.unwrap(),
  })
  .meta({ id: "ApprovalRule" });

const fields = {
  name: name(200),
  active: z.boolean(),
  priority: z.int().min(1).max(1000).describe("The highest that matches wins; of equal ones the older policy."),
  strengthId: Id.nullable().describe("For credentials that have no strength of their own."),
  criteria: CriteriaRules,
  maxAgeMinutes: minutes(1).nullable().describe("Changed at the latest so long after its last change."),
  afterViewMinutes: minutes(0).nullable().describe("Changed so long after a person saw it."),
  afterSessionMinutes: minutes(0).nullable().describe("Changed so long after a session that used it ended."),
  reuseMinutes: minutes(0).describe("So long after its first use it may be used again before use makes it change."),
  jitterMinutes: minutes(0).describe("Due times are spread backwards over so long; less than `maxAgeMinutes`."),
  firstChange: z
    .enum(["manual", "automatic"])
    .describe("manual: the policy drives a credential once a change of it succeeded."),
  windows: WindowsRules,
  limits: LimitsRules,
  approval: ApprovalRules.nullable(),
};

export const PolicyInput = z.strictObject(fields).partial().required({ name: true }).meta({ id: "NewPolicy" });
export type PolicyInput = z.infer<typeof PolicyInput>;

export const PolicyPatch = z.strictObject(fields).partial().meta({ id: "PolicyPatch" });
export type PolicyPatch = z.infer<typeof PolicyPatch>;

const pauseFields = {
  paused: z.boolean().describe("Automatic changes do not start."),
  pausedReason: z.string(),
  pausedAt: Timestamp.nullable(),
};

export const Policy = z
  .object({
    id: Id,
    ...fields,
    ...pauseFields,
    errorCode: Code.nullable().describe("How its latest changes failed, all alike."),
    errorsInARow: z.int(),
    credentials: z.int().describe("Credentials it holds for now."),
    revision: z.int(),
    createdAt: Timestamp,
    createdBy: z.string(),
    updatedAt: Timestamp,
    updatedBy: z.string(),
  })
  .meta({ id: "Policy" });
export type Policy = z.infer<typeof Policy>;

export const PolicyPage = pageOf(Policy, "PolicyPage");

export const PolicyQuery = z.strictObject({
  ...paging,
  name: line(200).optional().describe("Part of the name, in any case."),
  active: Flag.optional(),
  paused: Flag.optional(),
});
export type PolicyQuery = z.infer<typeof PolicyQuery>;

export const PauseInput = z.strictObject({ reason: line(500).trim().min(1) }).meta({ id: "PauseRequest" });

export const Site = z
  .object({
    name: z.string(),
    devices: z.int().describe("Active devices."),
    credentials: z.int().describe("Active credentials on them."),
    ...pauseFields,
  })
  .meta({ id: "Site" });
export type Site = z.infer<typeof Site>;

export const SiteList = z.object({ items: z.array(Site) }).meta({ id: "SiteList" });

/** The policy a credential resolved to, and why. */
export const ResolvedPolicy = z
  .object({
    id: Id,
    name: z.string(),
    priority: z.int(),
    why: z
      .array(z.object({ criterion: z.enum(CRITERIA), value: z.string().describe("What the credential has there.") }))
      .describe("The criteria it fits; none: the policy holds for all."),
  })
  .meta({ id: "ResolvedPolicy" });
export type ResolvedPolicy = z.infer<typeof ResolvedPolicy>;
