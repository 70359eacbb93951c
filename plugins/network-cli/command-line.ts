import type { Secret } from "../../contracts/secret.ts";
import { type Call, PluginFailure } from "../plugin.ts";
import { Dialogue } from "../terminal/dialogue.ts";
import type { Pattern } from "../terminal/patterns.ts";
import type { NewLineMode, Terminal } from "../terminal/terminal.ts";
import { excerpt, isPasswordPrompt, openLine } from "../terminal/text.ts";

/** `router>`, `router#`, `router(config)#`. Names are cut in long prompts. */
const PROMPT = /^\s*([\w.@/:~-]{1,200})(\([\w./-]+\))?([>#])\s*$/;
const NAME_KEPT = 10;
/** An answer to a question that only wants to be sure, as `write memory` has. */
const CONFIRM = /\[(?:confirm|yes|y)\]\s*\??:?\s*$/i;

/** Where the device waits. */
export type Waits = "user" | "privileged" | "configuration" | "password" | "confirm";

export interface Answer {
  /** Without the echo of the line, and without the prompt. */
  readonly said: string;
  readonly waits: Waits;
}

/** The command line of a device like IOS: one line, one answer, up to the next prompt. */
export class CommandLine {
  readonly #dialogue: Dialogue;
  readonly #call: Call;
  #name = "";

  constructor(
    terminal: Terminal,
    call: Call,
    { secrets, newLine }: { secrets: readonly Secret[]; newLine: NewLineMode },
  ) {
    this.#call = call;
    this.#dialogue = new Dialogue(
      terminal,
      { ...call, transcript: (line) => call.transcript(withoutSecrets(line)) },
      secrets,
    );
    this.#dialogue.newLine = newLine;
  }

  /** Rises with everything that is heard. */
  get pieces(): number {
    return this.#dialogue.pieces;
  }

  /** Waits for the first prompt. Throws {@link PluginFailure}. */
  async begin(): Promise<Answer> {
    const answer = await this.#answer();
    this.#name = (PROMPT.exec(this.#dialogue.line)?.[1] ?? "").slice(0, NAME_KEPT);
    return answer;
  }

  /**
   * Sends a line and waits for what comes of it.
   * @param shown what the transcript says of it, when the line holds a secret
   * @throws PluginFailure `target.*`
   */
  async ask(line: string, shown = line): Promise<Answer> {
    this.#dialogue.sendLine(line, shown);
    return this.#answer();
  }

  /** The end of what was said, without secrets. */
  excerpt(): string {
    return withoutSecrets(this.#dialogue.excerpt());
  }

  /** Hands the transcript over. */
  end(): void {
    this.#dialogue.end();
  }

  async #answer(): Promise<Answer> {
    // All of the answer is consumed with the prompt, so that a prompt is met once.
    const pattern: Pattern = (text) =>
      this.#waits(openLine(text)) && { end: text.length, reach: text.length, open: false };
    await this.#dialogue.expect(pattern, this.#call.readTimeoutMs);
    const { answer, line } = this.#dialogue;
    return { said: answer.slice(0, answer.lastIndexOf("\n") + 1), waits: this.#waits(line) ?? "user" };
  }

  #waits(line: string): Waits | undefined {
    if (isPasswordPrompt(line)) return "password";
    if (CONFIRM.test(line)) return "confirm";
    const [, name = "", mode, sign] = PROMPT.exec(line) ?? [];
    if (sign === undefined || !name.startsWith(this.#name)) return undefined;
    return mode !== undefined ? "configuration" : sign === "#" ? "privileged" : "user";
  }
}

/** What a device says against a line: its lines that begin with `%`; undefined when it says nothing. */
export function complaintIn({ said }: Answer): string | undefined {
  const found = said.split("\n").filter((line) => /^\s*(?:%|ERROR:|Error:|\^\s*$)/.test(line));
  return found.length === 0 ? undefined : excerpt(withoutSecrets(found.join(" ")));
}

/** A line of a configuration without what stands after `password`, `secret` or `key`: hashes, and passwords in clear. */
function withoutSecrets(line: string): string {
  return line.replaceAll(/\b(password|secret|key|community)\s+(?:[0-9]\s+)?[^\s[(].*/gi, "$1 …");
}

/** The failure of a line that the device did not take before anything was changed. */
export function refusalOf(answer: Answer, doing: string): PluginFailure | undefined {
  const complaint = complaintIn(answer);
  if (complaint === undefined) return undefined;
  const busy = /locked|in use|try again|busy/i.test(complaint);
  const rights = /authorization failed|permission|not authorized|invalid input|unknown command|ambiguous/i.test(
    complaint,
  );
  return new PluginFailure(
    busy ? "target.busy" : rights ? "auth.not-permitted" : "target.unexpected",
    `${doing}: ${complaint}`,
  );
}
