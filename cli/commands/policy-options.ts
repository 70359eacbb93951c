/** The fields of a policy as options. */
import { type Command, Option } from "commander";
import type { PolicyInput } from "../api-types.ts";
import { collect, count, duration, durationOrNone, hours, weekdays, wholeNumber } from "../options.ts";

export interface PolicyOptions {
  readonly file?: string;
  readonly priority?: number;
  readonly strength?: string;
  readonly active?: boolean;
  readonly maxAge?: number | "none";
  readonly afterView?: number | "none";
  readonly afterSession?: number | "none";
  readonly reuse?: number;
  readonly jitter?: number;
  readonly firstChange?: "manual" | "automatic";
  readonly timeZone?: string;
  readonly ageDays?: number[];
  readonly ageHours?: number[];
  readonly useDays?: number[];
  readonly useHours?: number[];
  readonly attempts?: number;
  readonly interval?: number;
  readonly connectTimeout?: number;
  readonly readTimeout?: number;
  readonly coolDown?: number;
  readonly approvals?: number;
  readonly approver?: string[];
  readonly approvalExpires?: number;
  readonly onDevice?: string[];
  readonly onModel?: string[];
  readonly onDeviceType?: string[];
  readonly onSite?: string[];
  readonly onDeviceTag?: string[];
  readonly onTag?: string[];
  readonly onType?: string[];
  readonly onInfo?: string[];
}

export function addPolicyOptions(command: Command): Command {
  return command
    .option("--file <file>", "JSON file with any fields of the API; options go before")
    .option("--priority <number>", "the highest that fits holds", wholeNumber)
    .option("--strength <strength>", "rules for its passwords; id or name")
    .option("--active", "it may hold")
    .option("--no-active", "it holds for nobody")
    .option("--max-age <time>", "change so long after the last change: 30d, 12h, none", durationOrNone)
    .option("--after-view <time>", "change so long after a person saw it", durationOrNone)
    .option("--after-session <time>", "change so long after a session that used it", durationOrNone)
    .option("--reuse <time>", "so long after its first use it may be used again", duration)
    .option("--jitter <time>", "spread due times over so long", duration)
    .addOption(new Option("--first-change <how>", "who makes the first").choices(["manual", "automatic"]))
    .option("--time-zone <zone>", "of the windows: Europe/Berlin")
    .option("--age-days <days>", "when changes due by age may start: mon-fri", weekdays)
    .option("--age-hours <hours>", "the hours of those days: 0-5,22,23", hours)
    .option("--use-days <days>", "when changes due by a view or a session may start", weekdays)
    .option("--use-hours <hours>", "the hours of those days", hours)
    .option("--attempts <number>", "attempts of one run", wholeNumber)
    .option("--interval <minutes>", "between two attempts", count)
    .option("--connect-timeout <seconds>", "to reach a device and log in", wholeNumber)
    .option("--read-timeout <seconds>", "that a device may stay silent", wholeNumber)
    .option("--cool-down <days>", "without automatic changes after all attempts failed", wholeNumber)
    .option("--approvals <number>", "persons that must agree; 0: nobody, whatever the kind", count)
    .option("--approver <person>", "who may agree; may be repeated; anybody with the role when absent", collect)
    .option("--approval-expires <time>", "an undecided operation expires after so long", duration)
    .option("--on-device <name>", "holds for these devices, * for any characters; may be repeated", collect)
    .option("--on-model <text>", "holds for these models; may be repeated", collect)
    .option("--on-device-type <text>", "holds for these types of devices; may be repeated", collect)
    .option("--on-site <name>", "holds for these sites; may be repeated", collect)
    .option("--on-device-tag <tag>", "holds for devices with this tag; may be repeated", collect)
    .option("--on-tag <tag>", "holds for credentials with this tag; may be repeated", collect)
    .option("--on-type <text>", "holds for this credential type; may be repeated", collect)
    .option("--on-info <text>", "holds for this additional information; may be repeated", collect);
}

const DAY = [1, 2, 3, 4, 5, 6, 7];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const A_DAY = 1440;

/** Without what was not given. */
function given<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}

function orNull(time: number | "none" | undefined): number | null | undefined {
  return time === "none" ? null : time;
}

function windowOf(days: number[] | undefined, hoursOfDay: number[] | undefined) {
  return days || hoursOfDay ? { days: days ?? DAY, hours: hoursOfDay ?? HOURS } : undefined;
}

/** @param before what is there already: groups of fields are completed from it */
export function policyFields(options: PolicyOptions, before: Partial<PolicyInput>): Partial<PolicyInput> {
  const criteria = given({
    devices: options.onDevice,
    models: options.onModel,
    deviceTypes: options.onDeviceType,
    sites: options.onSite,
    deviceTags: options.onDeviceTag,
    credentialTags: options.onTag,
    credentialTypes: options.onType,
    additionalInfo: options.onInfo,
  });
  const limits = given({
    attempts: options.attempts,
    intervalMinutes: options.interval,
    connectTimeoutSeconds: options.connectTimeout,
    readTimeoutSeconds: options.readTimeout,
    coolDownDays: options.coolDown,
  });
  const windows = given({
    timeZone: options.timeZone,
    age: windowOf(options.ageDays, options.ageHours),
    use: windowOf(options.useDays, options.useHours),
  });
  const filled = (group: object) => Object.keys(group).length > 0;
  return {
    ...given({
      priority: options.priority,
      active: options.active,
      maxAgeMinutes: orNull(options.maxAge),
      afterViewMinutes: orNull(options.afterView),
      afterSessionMinutes: orNull(options.afterSession),
      reuseMinutes: options.reuse,
      jitterMinutes: options.jitter,
      firstChange: options.firstChange,
    }),
    ...(filled(criteria) ? { criteria: { ...before.criteria, ...criteria } } : {}),
    ...(filled(limits) ? { limits: { ...before.limits, ...limits } } : {}),
    ...(filled(windows) ? { windows: { timeZone: "UTC", ...before.windows, ...windows } } : {}),
    ...approvalField(options, before),
  };
}

function approvalField(
  { approvals, approver, approvalExpires }: PolicyOptions,
  { approval }: Partial<PolicyInput>,
): Pick<PolicyInput, "approval"> {
  if (approvals === undefined && approver === undefined && approvalExpires === undefined) return {};
  const expiresMinutes = approvalExpires ?? approval?.expiresMinutes ?? A_DAY;
  if (approvals === 0) return { approval: { levels: [], expiresMinutes } };
  const asked = [{ approvals: approvals ?? 1, approvers: approver ?? [] }];
  const levels = approvals === undefined && approver === undefined ? (approval?.levels ?? asked) : asked;
  return { approval: { levels, expiresMinutes } };
}
