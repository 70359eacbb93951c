import { carriesNewPassword, hasTag } from "../../templates/language/render.ts";
import { type BoundScript, type Command, PASSWORD_TAGS } from "../../templates/language/script.ts";
import { type Call, type Change, type Device, type Login, PluginFailure, type Session } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { isLegal } from "./legal.ts";
import { findAccount, isDn } from "./names.ts";
import { changePassword } from "./native.ts";
import { CHANGING, runScript } from "./script.ts";
import { settingsOf } from "./settings.ts";

export interface Bound {
  readonly connection: Connection;
  readonly device: Device;
  readonly login: Login;
  /** The name that logged in. */
  readonly boundAs: string;
}

/** A logged-in connection that changes passwords and runs templates, one at a time. */
export function createSession(bound: Bound): Session {
  const { connection } = bound;
  let usable = true;
  const destroy = () => {
    usable = false;
    connection.destroy();
  };
  async function only<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      destroy();
      throw error;
    }
  }
  return {
    apply: (change, call, pointOfNoReturn) =>
      only(() => (change.script ? applyScript : applyNative)(bound, change, { call, pointOfNoReturn })),
    run: (script, call, pointOfNoReturn) => only(() => execute(bound, script, call, pointOfNoReturn)),
    rehearse: (script, call) => only(() => rehearse(bound, script, call)),
    reusable: () => usable && connection.isOpen(),
    close: async () => {
      usable = false;
      await connection.close();
    },
    destroy,
  };
}

interface Moment {
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

async function applyNative(bound: Bound, change: Change, { call, pointOfNoReturn }: Moment): Promise<void> {
  const { connection, device, login } = bound;
  refuseIllegal(change);
  const dn = await entryOf(bound, change, call);
  call.transcript("entry found; one request that sets the password follows");
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  const old = change.own ? (change.current ?? login.password) : undefined;
  await changePassword({ connection, call, settings: settingsOf(device), dn, old, next: change.next });
  call.transcript("password set");
}

/** The entry to change. An account that must change its password may do nothing else: it is not looked for. */
async function entryOf(bound: Bound, { own, account }: Change, call: Call): Promise<string> {
  if (own && isDn(bound.boundAs)) return bound.boundAs;
  const { dn, locked } = await findAccount({ ...bound, call, account });
  if (locked)
    throw new PluginFailure("auth.locked", "The account is switched off or locked: no password of it would log in.");
  return dn;
}

async function applyScript(bound: Bound, change: Change, { call, pointOfNoReturn }: Moment): Promise<void> {
  if (!change.script) return;
  refuseIllegal(change);
  refuseUnfit(bound.device, change.script);
  await execute(bound, change.script, call, async (commands) => {
    if (commands.some(carriesNewPassword)) await pointOfNoReturn();
  });
}

/** Looks up what the template finds, before it would change anything: nothing in a directory can be undone. */
async function rehearse(bound: Bound, { script, values }: BoundScript, call: Call): Promise<number | undefined> {
  const { commands } = script;
  refuseUnfit(bound.device, { script, values });
  const at = commands.findIndex(
    ({ name, args }) => CHANGING.has(name) || args.some((text) => hasTag(text, PASSWORD_TAGS)),
  );
  const looks = at === -1 ? commands : commands.slice(0, at);
  await execute(bound, { script: { ...script, commands: looks }, values }, call, async () => {});
  return commands[at]?.line;
}

function execute(
  { connection, device, boundAs }: Bound,
  script: BoundScript,
  call: Call,
  beforeChange: (commands: readonly Command[]) => Promise<void>,
): Promise<void> {
  return runScript({ connection, device, boundAs, script, call, beforeChange });
}

/** In Active Directory another attribute would hold the password readable, and no log-in would be checked against it. */
function refuseUnfit(device: Device, { script }: BoundScript): void {
  if (settingsOf(device).directory !== "active-directory") return;
  const unfit = script.commands.find((command) => {
    const [attribute] = command.args[0] ?? [];
    const fits = typeof attribute === "string" && /^unicodePwd$/i.test(attribute);
    return CHANGING.has(command.name) && carriesNewPassword(command) && !fits;
  });
  if (!unfit) return;
  const detail = `line ${unfit.line}: Active Directory takes a password as unicodePwd only`;
  throw new PluginFailure("template.refused", detail);
}

function refuseIllegal({ next }: Change): void {
  if (!isLegal(next.reveal()))
    throw new PluginFailure("change.refused", "The new password must be 1 to 127 characters of printable ASCII.");
}
