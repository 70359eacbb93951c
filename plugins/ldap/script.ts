/** Runs a template: lines that follow one `find` are one request, so they are carried out whole or not at all. */
import type { Change } from "ldapts";
import { CannotCarry, renderText } from "../../templates/language/render.ts";
import { type BoundScript, type Command, NEW_PASSWORD_TAGS, type Text } from "../../templates/language/script.ts";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { hostOf } from "./check.ts";
import type { Connection } from "./connection.ts";
import { valueContext } from "./language.ts";
import { baseDn } from "./names.ts";
import { modification, quotedUtf16 } from "./native.ts";

export interface Run {
  readonly connection: Connection;
  readonly call: Call;
  readonly device: Device;
  readonly script: BoundScript;
  /** The name that logged in. */
  readonly boundAs: string;
  /** Called before each request that changes something, with its lines. */
  beforeChange(commands: readonly Command[]): Promise<void>;
}

/** A request that is being put together. */
interface Request {
  readonly kind: "modify" | "create" | "delete";
  readonly dn: string;
  readonly changes: Change[];
  readonly commands: Command[];
}

interface State {
  /** What the last `find` found. */
  found: string | undefined;
  request: Request | undefined;
  /** A request was carried out: what fails later does not undo it. */
  changed: boolean;
}

const OPERATIONS = { "mod-add": "add", "mod-del": "delete", "mod-replace": "replace" } as const;

/** Commands that change an entry, or are part of such a change. */
export const CHANGING: ReadonlySet<string> = new Set([...Object.keys(OPERATIONS), "create-entry", "delete-entry"]);

/**
 * Runs the commands in order.
 * @throws PluginFailure that names the line, and what `beforeChange` rejects with
 */
export async function runScript(run: Run): Promise<void> {
  const state: State = { found: undefined, request: undefined, changed: false };
  for (const command of run.script.script.commands) {
    if (command.name === "end") break;
    await atLine(command, state, () => execute(run, state, command));
  }
  await flush(run, state);
}

/** The DN that a template logs in with; undefined when it does not say. */
export function bindOf({ script, values }: BoundScript): string | undefined {
  const command = script.commands.find(({ name }) => name === "bind");
  return command && renderText(command.args[0] ?? [], values, "ldap-dn");
}

async function atLine<T>({ line }: Command, state: State, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CannotCarry) {
      const ofNew = NEW_PASSWORD_TAGS.some((tag) => tag === error.tag);
      throw new PluginFailure(ofNew ? "change.refused" : "target.unexpected", `line ${line}: ${error.message}`);
    }
    if (!(error instanceof PluginFailure) || error.message.startsWith("line ")) throw error;
    const refused = error.refused && !state.changed;
    throw new PluginFailure(error.code, `line ${line}: ${error.message}`, { refused });
  }
}

async function execute(run: Run, state: State, command: Command): Promise<void> {
  const { name, args } = command;
  const value = (index: number, context: "ldap-dn" | "plain") =>
    renderText(args[index] ?? [], run.script.values, context);
  switch (name) {
    case "connect":
      checkTarget(run, args.at(-1));
      return;
    case "bind":
      if (value(0, "ldap-dn") === run.boundAs) return;
      throw new PluginFailure("target.unexpected", "the template logs in a second time, with another name");
    case "find":
      await flush(run, state);
      state.found = await findOne(run, command);
      run.call.transcript(`line ${command.line}: found ${state.found}`);
      return;
    case "create-entry":
      await flush(run, state);
      state.request = begin("create", value(0, "ldap-dn"));
      state.request.commands.push(command);
      return;
    case "delete-entry":
      await flush(run, state);
      state.request = begin("delete", foundBy(state));
      state.request.commands.push(command);
      state.found = undefined;
      return flush(run, state);
    case "mod-add":
    case "mod-del":
    case "mod-replace":
      state.request ??= begin("modify", foundBy(state));
      state.request.changes.push(changeOf(run, command, OPERATIONS[name]));
      state.request.commands.push(command);
  }
}

function begin(kind: Request["kind"], dn: string): Request {
  return { kind, dn, changes: [], commands: [] };
}

function foundBy({ found }: State): string {
  if (found) return found;
  throw new PluginFailure("target.unexpected", "nothing was found yet that could be changed");
}

/** The connection is the device's; a template may name it, but no other one. */
function checkTarget({ device, script: { values } }: Run, target: Text | undefined): void {
  const named = target ? renderText(target, values, "plain") : "null";
  const known = [device.address, values.IP, values.HOSTNAME, values.DOMAIN, "null", ""];
  if (known.includes(hostOf(named))) return;
  throw new PluginFailure("target.unexpected", "the template connects to another server than the device");
}

async function findOne(run: Run, { args }: Command): Promise<string> {
  const { connection, call } = run;
  const { values } = run.script;
  const base = renderText(args[0] ?? [], values, "ldap-dn") || (await baseDn(run));
  // Authors set blanks between the parts of a filter.
  const filter = renderText(args[1] ?? [], values, "ldap-filter").replaceAll(/\)\s+(?=[()])/g, ")");
  const entries = await connection.search(call, { base, scope: "sub", filter, attributes: ["1.1"], limit: 2 });
  const [entry] = entries;
  if (!entry) throw new PluginFailure("account.unknown", "no entry was found");
  if (entries.length > 1) throw new PluginFailure("target.unexpected", "more than one entry was found");
  return entry.dn;
}

function changeOf({ script: { values } }: Run, { args }: Command, operation: "add" | "delete" | "replace"): Change {
  const type = renderText(args[0] ?? [], values, "plain");
  const text = args[1];
  // The name of an attribute, with options, or its number (RFC 4512, 2.5).
  if (!/^[\w.;-]+$/.test(type)) throw new PluginFailure("target.unexpected", "this is no name of an attribute");
  if (!text) return modification(operation, type);
  const [inner, quoted] = unwrap(text);
  const value = renderText(inner, values, valueContext(type));
  return modification(operation, type, quoted ? quotedUtf16(value) : Buffer.from(value));
}

/** `u(…)` is Active Directory's form of a password. */
function unwrap(text: Text): [inner: Text, quoted: boolean] {
  const [first, last] = [text[0], text.at(-1)];
  if (typeof first !== "string" || typeof last !== "string" || !/^u\(/i.test(first) || !last.endsWith(")"))
    return [text, false];
  const opened: Text = [first.slice(2), ...text.slice(1)];
  const end = opened.at(-1);
  return [[...opened.slice(0, -1), ...(typeof end === "string" ? [end.slice(0, -1)] : [])], true];
}

/** Sends what was put together. */
async function flush(run: Run, state: State): Promise<void> {
  const { request } = state;
  if (!request) return;
  state.request = undefined;
  await run.beforeChange(request.commands);
  if (run.call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  const [first] = request.commands;
  if (first) await atLine(first, state, () => send(run, request));
  state.changed = true;
  run.call.transcript(`${request.kind} done: lines ${request.commands.map(({ line }) => line).join(", ")}`);
}

async function send({ connection, call }: Run, { kind, dn, changes }: Request): Promise<void> {
  if (kind === "modify") return connection.modify(call, dn, changes);
  if (kind === "delete") return connection.remove(call, dn);
  return connection.add(call, dn, changes);
}
