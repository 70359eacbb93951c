import { isPasswordKind, type OperationKind } from "../../contracts/states.ts";
import { DEFAULT_STRENGTH } from "../../contracts/strength.ts";
import { forbidsNameAlone } from "./absence.ts";
import type { Dialect } from "./dialect.ts";
import { isOwnedTag, kindsOf } from "./kinds.ts";
import { argumentContext, isArgument, legalFor } from "./legal.ts";
import { literalSecrets } from "./literal-secrets.ts";
import { readPlaced, scriptOf } from "./read.ts";
import { findRule } from "./read-lines.ts";
import { whyNoRegex } from "./regex.ts";
import type { PlacedCommand, PlacedTag } from "./reading.ts";
import { carriesNewPassword, hasTag } from "./render.ts";
import { complaint } from "./rules.ts";
import { type Complaint, NEW_PASSWORD_TAGS, PASSWORD_TAGS, type Script, type Text } from "./script.ts";

interface Asked {
  readonly body: string;
  readonly dialect: Dialect;
  readonly kind: OperationKind;
  /** How long a template may wait for a device under the settings; not looked at when absent. */
  readonly longestSeconds?: number;
}

/** A text as its author wrote it, tags included. */
function written(text: Text): string {
  return text.map((part) => (typeof part === "string" ? part : `[#${part.tag}#]`)).join("");
}

function checkTag(tag: PlacedTag, kind: OperationKind): Complaint[] {
  const kinds = kindsOf(tag.name);
  if (kinds !== undefined && !kinds.includes(kind)) {
    return [complaint("tag.wrong-kind", `[#${tag.name}#] has a value only in: ${kinds.join(", ")}.`, tag)];
  }
  if (isOwnedTag(tag.name) && !mayGivePassword(tag, kind)) {
    const reason = kind === "user-creation" ? "A user who is made has no password before" : `${kind} sets no password`;
    return [complaint("password.not-owned", `${reason}: [#${tag.name}#] has no value there.`, tag)];
  }
  return [];
}

/** A user that is made may get a password, and has none before. */
function mayGivePassword({ name }: PlacedTag, kind: OperationKind): boolean {
  return isPasswordKind(kind) || (kind === "user-creation" && name !== "CURRENT_PASSWORD");
}

/** The source of a regular expression. A tag's value matches itself: any plain character stands for it here. */
function slashed(text: Text): string {
  const source = text.map((part) => (typeof part === "string" ? part : "a")).join("");
  return /^\/([^]*)\/[ims]*$/.exec(source)?.[1] ?? source;
}

function checkArgument(command: PlacedCommand, index: number, dialect: Dialect): Complaint[] {
  const text = command.args[index] ?? [];
  const context = argumentContext(command, index, dialect);
  if (context === "regex") {
    const reason = whyNoRegex(slashed(text));
    return reason === undefined
      ? []
      : [complaint("regex.invalid", `The regular expression is refused: ${reason}.`, command)];
  }
  if (!hasTag(text, PASSWORD_TAGS) || !isArgument(text, context)) {
    return [];
  }
  const place = command.tags.find(({ name }) => PASSWORD_TAGS.some((password) => password === name)) ?? command;
  const message = "In a command line a password is seen in the process list and kept in the shell's history.";
  return [complaint("password.argument", message, place)];
}

function checkSilence(command: PlacedCommand, { dialect, longestSeconds = Infinity }: Asked): Complaint[] {
  const seconds = findRule(dialect, command.name)?.rule.silence?.(command.args.map(written)) ?? 0;
  if (seconds <= longestSeconds) return [];
  const message =
    `It may wait ${seconds} s, and whatever runs by the settings of today is ended after ${longestSeconds} s: ` +
    "raise the connect and read time-outs (a policy may have its own), and the lease.";
  return [complaint("argument.seconds", message, command)];
}

function checkCommand(command: PlacedCommand, asked: Asked): Complaint[] {
  const { dialect, kind } = asked;
  const inArguments = command.args.flatMap((_, index) => checkArgument(command, index, dialect));
  const absence = "A line that says that there is no such account holds its name, too: such a line is passed over.";
  const isRefused = inArguments.some(({ severity }) => severity === "refusal");
  const rule = isRefused ? undefined : findRule(dialect, command.name)?.rule;
  const args = command.args.map(written);
  const [reason, doubt] = [rule?.check?.(args), rule?.doubt?.(args)];
  return [
    ...(reason === undefined ? checkSilence(command, asked) : [complaint("argument.value", reason, command)]),
    ...(doubt === undefined || reason !== undefined ? [] : [complaint("argument.doubtful", doubt, command)]),
    ...(forbidsNameAlone(command) ? [complaint("pattern.absence", absence, command)] : []),
    ...command.tags.flatMap((tag) => checkTag(tag, kind)),
    ...inArguments,
  ];
}

/** Whether a command sends the new password, and does not only look for it in what the device says. */
function sendsNewPassword(command: PlacedCommand, dialect: Dialect): boolean {
  return command.args.some((text, index) => {
    const context = argumentContext(command, index, dialect);
    return context !== "pattern" && context !== "regex" && hasTag(text, NEW_PASSWORD_TAGS);
  });
}

/** What the dialect finds wrong with commands because of those before them. */
function checkPlaces(commands: readonly PlacedCommand[], dialect: Dialect): Complaint[] {
  const all = commands.map(({ name, args }) => ({ name, args: args.map(written) }));
  return (dialect.checkTogether?.(all) ?? []).flatMap(({ index, message }) => {
    const command = commands[index];
    return command ? [complaint("command.place", message, command)] : [];
  });
}

function checkWhole(commands: readonly PlacedCommand[], asked: Asked, refused: boolean): Complaint[] {
  const start = { line: 1, column: 1 };
  if (!commands.some(({ name }) => name !== "end")) {
    return refused ? [] : [complaint("template.empty", "There is no command in it.", start)];
  }
  const givesPassword = asked.kind === "user-creation" && commands.some(carriesNewPassword);
  if (!isPasswordKind(asked.kind) && !givesPassword) {
    return [];
  }
  const sender = commands.find((command) => sendsNewPassword(command, asked.dialect));
  if (sender === undefined) {
    // A line that could not be read may be the one that sends it.
    const message = `${asked.kind} sets a password, and [#NEW_PASSWORD#] is never sent.`;
    return refused ? [] : [complaint("password.never-sent", message, start)];
  }
  const { alphabet } = legalFor(scriptOf(commands), asked.dialect);
  const symbols = [...DEFAULT_STRENGTH.symbolSet].filter((symbol) => alphabet.includes(symbol));
  return symbols.length >= DEFAULT_STRENGTH.symbols
    ? []
    : [complaint("password.alphabet", "Where it stands, a new password can hold hardly any symbols.", sender)];
}

/**
 * Reads a template and says everything that is wrong or doubtful with it for a kind of operation. Never throws; takes
 * time in proportion to the body.
 * @returns complaints in the order of the lines: with a refusal among them the template is not to be saved
 */
export function checkTemplate(asked: Asked): { script: Script; complaints: Complaint[] } {
  const { value: commands, complaints: reading } = readPlaced(asked.body, asked.dialect);
  const refused = reading.some(({ severity }) => severity === "refusal");
  const complaints = [
    ...reading,
    ...commands.flatMap((command) => checkCommand(command, asked)),
    ...literalSecrets(commands, asked.dialect),
    // A line that could not be read may be the one that another one needs before it.
    ...(refused ? [] : checkPlaces(commands, asked.dialect)),
    ...checkWhole(commands, asked, refused),
  ];
  return {
    script: scriptOf(commands),
    complaints: complaints.toSorted((left, right) => left.line - right.line || left.column - right.column),
  };
}
