/** The filters that the lists of operations and of attempts share. */
import { type Command } from "commander";
import { OPERATION_KINDS, OPERATION_STATES } from "../../contracts/states.ts";
import type { Query } from "../client.ts";
import { findCredential, findDevice } from "../find.ts";
import { collect, collectOf, moment, operationCodes } from "../options.ts";
import type { Session } from "../session.ts";

export interface FilterOptions {
  readonly code?: readonly number[];
  readonly state?: readonly string[];
  readonly kind?: readonly string[];
  readonly username?: readonly string[];
  readonly device?: readonly string[];
  readonly manufacturer?: readonly string[];
  readonly model?: readonly string[];
  readonly site?: readonly string[];
  readonly tag?: readonly string[];
  readonly requester?: readonly string[];
  readonly text?: readonly string[];
  readonly credential?: readonly string[];
  readonly onDevice?: readonly string[];
  readonly parent?: readonly number[];
  readonly scheduledFrom?: string;
  readonly scheduledTo?: string;
  readonly executedFrom?: string;
  readonly executedTo?: string;
}

const TEXTS = {
  username: "part of the account's user name",
  device: "part of the device's name",
  manufacturer: "part of the device's manufacturer",
  model: "part of the device's model",
  site: "part of the device's site",
  requester: "part of the name of who asked",
  text: "part of the user name, or of anything of the device",
} as const;

/** Every option may be repeated: several values of one widen the list, several options narrow it. */
export function addFilterOptions(command: Command): Command {
  for (const [name, description] of Object.entries(TEXTS)) command.option(`--${name} <text>`, description, collect);
  return command
    .option("--code <code>", "the operation's code", operationCodes)
    .option("--state <state>", OPERATION_STATES.join(", "), collectOf(OPERATION_STATES))
    .option("--kind <kind>", OPERATION_KINDS.join(", "), collectOf(OPERATION_KINDS))
    .option("--tag <tag>", "a tag of the device", collect)
    .option("--credential <credential>", "id or user@device", collect)
    .option("--on-device <device>", "id or name", collect)
    .option("--parent <code>", "operations that this one's success made", operationCodes)
    .option("--scheduled-from <time>", "due at this time or later", moment)
    .option("--scheduled-to <time>", "due before this time", moment)
    .option("--executed-from <time>", "executed at this time or later", moment)
    .option("--executed-to <time>", "executed before this time", moment);
}

/** The filters as the API takes them. */
export async function filterQuery({ api }: Session, options: FilterOptions): Promise<Query> {
  const { text, credential = [], onDevice = [], parent, ...same } = options;
  return {
    ...same,
    q: text,
    parentCode: parent,
    credentialId: await Promise.all(credential.map(async (each) => (await findCredential(api, each)).id)),
    deviceId: await Promise.all(onDevice.map(async (each) => (await findDevice(api, each)).id)),
  };
}
