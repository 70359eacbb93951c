import { createHash, randomBytes } from "node:crypto";
import {
  type Account,
  type Call,
  type Change,
  type Device,
  type Login,
  PluginFailure,
  type Session,
} from "../plugin.ts";
import type { Connection } from "../secure-shell/connection.ts";
import type { Conversation } from "../secure-shell/conversation.ts";
import { isLegalUsername } from "../secure-shell/username.ts";
import { commandFor, type Step } from "./command.ts";
import { MARKER, publicHalf } from "./key.ts";
import { verifyKey } from "./login.ts";

/** Stands in no line of `authorized_keys`: for a key that is not known. */
const NO_KEY = "keyturn-knows-no-key";

interface Logged {
  readonly connection: Connection;
  readonly device: Device;
  readonly login: Login;
}

/** The session of an account that logged in. */
export function createSession(logged: Logged): Session {
  const { connection } = logged;
  let failed = false;
  return {
    async apply(change, call, pointOfNoReturn) {
      try {
        await apply({ ...logged, change, call, pointOfNoReturn });
      } catch (error) {
        // A command may still wait for input: no other change may meet it.
        failed = true;
        connection.destroy();
        throw error;
      }
    },
    reusable: () => !failed && connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}

interface Application extends Logged {
  readonly change: Change;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/** The new key is added beside the old one, proven by a log-in, and only then the old one goes. */
async function apply(application: Application): Promise<void> {
  const { change, call, device, login } = application;
  const next = publicHalf(change.next);
  if (next === undefined) throw new PluginFailure("change.refused", "The new secret cannot be read as a key.");
  const present = change.current ?? (change.own ? login.password : undefined);
  const old = (present && publicHalf(present)) ?? NO_KEY;
  await add(application, old, next);
  const proof = await verifyKey(device, { ...change.account, password: change.next }, call);
  if (proof.verdict === "rejected") await takeBack(application, next);
  if (proof.verdict !== "accepted") throw new PluginFailure(proof.code, "the new key could not be proven");
  call.transcript("the new key logs in; the old one goes");
  const talk = await begin(application, "prune", [next, old]);
  const step = await talk.until(() => stepOf(talk));
  if (step === "missing") throw new PluginFailure("target.unexpected", "another change has removed the new key");
  if (step !== "done") throw whyNot(talk, step);
}

async function add(application: Application, old: string, next: string): Promise<void> {
  const { call, pointOfNoReturn } = application;
  const talk = await begin(application, "add", [old]);
  const ready = await talk.until(() => stepOf(talk));
  if (ready === "unknown") throw new PluginFailure("account.unknown", "the system has no account of this name");
  if (ready !== "ready") throw notReady(talk);
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  call.transcript("> the line of the new key");
  talk.send(`${next} ${marker(application.device, application.change.account)}`);
  const step = await talk.until(() => {
    const seen = stepOf(talk);
    return seen === "ready" ? undefined : seen;
  });
  if (step !== "done") throw whyNot(talk, step);
}

/**
 * A key that sshd does not read is of no use.
 * @throws PluginFailure always
 */
async function takeBack(application: Application, next: string): Promise<never> {
  const talk = await begin(application, "undo", [next]);
  const refused = (await talk.until(() => stepOf(talk))) === "done";
  const detail = "sshd does not take keys from this account's ~/.ssh/authorized_keys";
  throw new PluginFailure("auth.not-permitted", detail, { refused });
}

/** Starts a step and gives it its lines. */
async function begin(application: Application, step: Step, lines: readonly string[]): Promise<Talk> {
  const { connection, device, change, call } = application;
  const { username } = change.account;
  if (!change.own && !isLegalUsername(username))
    throw new PluginFailure("account.unknown", "the user name cannot be one of this system");
  const mark = `keyturn-${randomBytes(8).toString("hex")}`;
  const marks = { mark, ours: marker(device, change.account) };
  const talk = await connection.start(commandFor(step, marks, change.own), call);
  for (const line of change.own ? lines : [username, ...lines]) talk.send(line);
  return Object.assign(talk, { mark });
}

type Talk = Conversation & { readonly mark: string };
type Seen = "ready" | "unknown" | "done" | "late" | "busy" | "missing" | "ended";
const SAID = ["done", "late", "busy", "missing", "unknown", "ready"] as const;

/** What the command has said last; `ended` when it has ended without a word. */
function stepOf(talk: Talk): Seen | undefined {
  const said = SAID.find((word) => talk.output.includes(`${talk.mark}-${word}\n`));
  if (said && said !== "ready") return said;
  return talk.closed ? "ended" : said;
}

function whyNot(talk: Talk, step: Seen): PluginFailure {
  if (step === "late")
    return new PluginFailure("target.timeout", "the key came too late and was not used", { refused: true });
  if (step === "busy")
    return new PluginFailure("target.busy", "another change holds the lock of the file", { refused: true });
  const code = talk.exitCode === undefined ? "target.connection-lost" : "target.unexpected";
  return new PluginFailure(code, talk.excerpt());
}

/** Why the command ended before it was ready for the key. */
function notReady(talk: Talk): PluginFailure {
  const code = talk.exitCode === undefined ? "target.connection-lost" : "auth.not-permitted";
  return new PluginFailure(code, talk.excerpt());
}

/**
 * Ends the lines of one credential's keys: homes are shared by several systems, and an account may have several keys, of
 * which none may remove another's. Not with the port, which is edited more often than it tells two systems apart.
 */
export function marker({ address }: Device, { username, domain, additionalInfo }: Account): string {
  const who = JSON.stringify([address, username, domain, additionalInfo]);
  return `${MARKER}-${createHash("sha256").update(who).digest("hex").slice(0, 12)}`;
}
