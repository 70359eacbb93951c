import type { Secret } from "../../contracts/secret.ts";
import { type Call, type Change, type Login, PluginFailure } from "../plugin.ts";
import { type Answer, type CommandLine, complaintIn, refusalOf } from "./command-line.ts";
import type { NetworkSettings } from "./settings.ts";

export interface Configuration {
  readonly commands: CommandLine;
  readonly change: Change;
  readonly login: Login;
  readonly settings: NetworkSettings;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/** What a device says when it has written its configuration. */
const SAVED = /\[OK\]|configuration saved|copy complete/i;

/** Lines that set a password; what stands before it in each. */
type Prefixes = readonly string[];

/**
 * Sets the password in the running configuration and writes that where it survives a restart.
 * @throws PluginFailure; `refused` when the device kept the old password, also because it was put back
 */
export async function configure(configuration: Configuration): Promise<void> {
  const { commands, change, call } = configuration;
  // Else a long answer stops at its first page. Who does not know the line has no pages.
  await commands.ask("terminal length 0");
  const prefixes = await prefixesFor(configuration);
  const entered = await commands.ask("configure terminal");
  if (entered.waits !== "configuration") {
    throw refusalOf(entered, "configure terminal") ?? new PluginFailure("auth.not-permitted", commands.excerpt());
  }
  const { pieces } = commands;
  await configuration.pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  if (commands.pieces !== pieces) {
    throw new PluginFailure("target.unexpected", `it did not wait: ${commands.excerpt()}`, { refused: true });
  }
  await set(configuration, prefixes);
  await commands.ask("end");
  const saved = await writeMemory(commands);
  if (saved !== undefined) await takeBack(configuration, prefixes, saved);
  call.transcript(`the password of ${nameOf(change, configuration.settings)} is set and saved`);
}

async function prefixesFor({ commands, change, settings }: Configuration): Promise<Prefixes> {
  // `enable` first: if the connection is lost between the two, the log-in still has the old password.
  if (settings.account === "line") return settings.enable ? ["enable password", "password"] : ["password"];
  const { username } = change.account;
  const listed = await commands.ask(`show running-config | include ^username ${username} `);
  const refused = refusalOf(listed, "show running-config");
  if (refused) throw refused;
  // A line of configuration would make a user that is not there.
  const own = listed.said
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([word, name]) => word === "username" && name === username);
  if (own.length === 0) throw new PluginFailure("account.unknown", `no user ${username} in the running configuration`);
  const words = own.flat();
  return [`username ${username} ${words.includes("password") && !words.includes("secret") ? "password" : "secret"}`];
}

async function set({ commands, change, login }: Configuration, prefixes: Prefixes): Promise<void> {
  for (const [index, prefix] of prefixes.entries()) {
    const answer = await setOne(commands, prefix, change.next);
    const complaint = complaintOf(answer);
    if (complaint === undefined) continue;
    const undone = index === 0 || (await setBack(commands, prefixes.slice(0, index), change.current ?? login.password));
    throw new PluginFailure("change.refused", complaint, { refused: undone });
  }
}

function setOne(commands: CommandLine, prefix: string, password: Secret): Promise<Answer> {
  return commands.ask(`${prefix} ${password.reveal()}`, `${prefix} [secret]`);
}

function complaintOf(answer: Answer): string | undefined {
  return complaintIn(answer) ?? (answer.waits === "configuration" ? undefined : "the device asks for something else");
}

/**
 * Writes the running configuration where it survives a restart.
 * @returns why it was not written; undefined when it was
 */
export async function writeMemory(commands: CommandLine): Promise<string | undefined> {
  let answer = await commands.ask("write memory");
  if (answer.waits === "confirm") answer = await commands.ask("");
  return SAVED.test(answer.said) && complaintIn(answer) === undefined ? undefined : commands.excerpt();
}

/**
 * A password that is not saved is gone after a restart, when the old one is back: it is put back at once, where known.
 * @throws PluginFailure always
 */
async function takeBack(
  { commands, change, login, settings }: Configuration,
  prefixes: Prefixes,
  why: string,
): Promise<never> {
  // Whoever is on the one line of a router without users is there with the password that is changed.
  const old = change.current ?? (change.own || settings.account === "line" ? login.password : undefined);
  let undone = false;
  if (old !== undefined) {
    const { waits } = await commands.ask("configure terminal");
    undone = waits === "configuration" && (await setBack(commands, prefixes, old));
  }
  const then = undone ? "the old password was put back" : "the new password is in the running configuration only";
  throw new PluginFailure("change.not-persistent", `${why}; ${then}`, { refused: undone });
}

/** Whether the device took the old password again. */
async function setBack(commands: CommandLine, prefixes: Prefixes, old: Secret): Promise<boolean> {
  for (const prefix of prefixes) {
    if (complaintOf(await setOne(commands, prefix, old)) !== undefined) return false;
  }
  return true;
}

function nameOf({ account }: Change, settings: NetworkSettings): string {
  return settings.account === "line" ? "the lines" : `user ${account.username}`;
}
