import { randomBytes } from "node:crypto";
import type { Secret } from "../../contracts/secret.ts";
import { PluginFailure, type Call } from "../plugin.ts";
import type { Connection } from "../secure-shell/connection.ts";
import type { Conversation } from "../secure-shell/conversation.ts";
import { LOCK_BUSY, passwdPrompt, REFUSED } from "../terminal/text.ts";

export interface OwnChange {
  readonly current: Secret;
  readonly next: Secret;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/** Between the new password and its repetition. A worker that was stopped in between must not go on. Milliseconds. */
const PATIENCE_MS = 5000;
/** sshd itself runs `passwd` when the password must be changed, and says this first. */
const FORCED = /password has expired\.\s+you must change your password now/i;

/**
 * The account changes its own password with `passwd` on a terminal.
 * @throws PluginFailure
 */
export async function changeOwnPassword(connection: Connection, change: OwnChange): Promise<void> {
  // Start-up files may print anything, a prompt too: only what follows the mark is believed.
  const mark = `keyturn-${randomBytes(8).toString("hex")}`;
  const command = `sh -c 'echo ${mark}; exec env LC_ALL=C passwd'`;
  const talk = await connection.start(command, change.call, { term: "dumb", cols: 200, rows: 24, modes: { ECHO: 0 } });
  const state: State = { talk, started: 0, read: 0, currentSent: false, sent: 0, sentAt: 0 };
  state.started = await talk.until(() => startOf(talk, mark) ?? (talk.closed ? Infinity : undefined));
  if (state.started === Infinity) {
    throw new PluginFailure(
      talk.exitCode === undefined ? "target.connection-lost" : "auth.not-permitted",
      talk.excerpt(),
    );
  }
  state.read = state.started;
  while (await answerNext(state, change)) {
    // Each turn answers one prompt; the last one finds the command ended.
  }
  judge(state);
}

interface State {
  readonly talk: Conversation;
  /** Where the dialogue begins in the output, and how far it was answered. */
  started: number;
  read: number;
  currentSent: boolean;
  /** How often the new password was typed, and when for the first time. */
  sent: 0 | 1 | 2;
  sentAt: number;
}

function startOf(talk: Conversation, mark: string): number | undefined {
  const at = talk.output.indexOf(`${mark}\n`);
  if (at >= 0) return at + mark.length + 1;
  const forced = FORCED.exec(talk.output);
  return forced === null ? undefined : forced.index + forced[0].length;
}

/** Answers the next prompt. False when the command ended instead. */
async function answerNext(state: State, change: OwnChange): Promise<boolean> {
  const { talk } = state;
  const prompt = await talk.until(
    () => passwdPrompt(talk.output.slice(state.read)) ?? (talk.closed ? ("ended" as const) : undefined),
  );
  const said = talk.output.slice(state.started);
  if (prompt === "ended") return false;
  if (prompt === "current") {
    if (state.sent > 0) throw new PluginFailure("target.needs-human", talk.excerpt());
    if (state.currentSent) throw new PluginFailure("auth.rejected", talk.excerpt());
    state.currentSent = true;
  } else if (prompt === "new") {
    // Asked again: the first answer was not taken, whatever the reason given.
    if (state.sent > 0) throw new PluginFailure("change.refused", talk.excerpt(), { refused: true });
    await change.pointOfNoReturn();
    state.sent = 1;
    state.sentAt = performance.now();
  } else {
    if (state.sent !== 1) throw new PluginFailure("target.unexpected", talk.excerpt());
    if (performance.now() - state.sentAt > PATIENCE_MS) {
      throw new PluginFailure("target.timeout", "too late to repeat the password", { refused: true });
    }
    state.sent = 2;
  }
  state.read = state.started + said.length;
  change.call.transcript(`> ${prompt === "current" ? "the current password" : "the new password"}`);
  talk.send((prompt === "current" ? change.current : change.next).reveal());
  return true;
}

/** Reads the outcome from how the command ended. */
function judge({ talk, sent, currentSent, read }: State): void {
  const said = talk.output.slice(read);
  const detail = talk.excerpt();
  if (talk.exitCode === undefined) {
    if (sent === 2 && /updated successfully/i.test(said)) return;
    throw new PluginFailure("target.connection-lost", detail);
  }
  if (talk.exitCode === 0) {
    if (sent === 2) return;
    throw new PluginFailure("target.unexpected", detail);
  }
  if (LOCK_BUSY.test(said)) throw new PluginFailure("target.busy", detail, { refused: true });
  if (sent === 0) {
    const tooSoon = /wait longer|too soon/i.test(said);
    throw new PluginFailure(currentSent && !tooSoon ? "auth.rejected" : "auth.not-permitted", detail);
  }
  // Typed once it was never confirmed, so it cannot have been taken.
  if (sent === 1 || REFUSED.test(said)) throw new PluginFailure("change.refused", detail, { refused: true });
  throw new PluginFailure("target.unexpected", detail);
}
