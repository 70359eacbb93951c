import type { Match, Pattern } from "./patterns.ts";
import { isCommandPrompt, openLine } from "./text.ts";

/** So much is kept of what a device says between two lines of ours. Characters. */
const WINDOW = 262_144;
/** How far into an answer the echo of our line is looked for. Characters. */
const ECHO_WITHIN = 4096;
/** Longer is no prompt. Characters. */
const LINE = 500;
/** A longer pause is the device thinking, not a slow line. Milliseconds. */
const THINKING_MS = 300;

/** What a device said since the last thing that we sent, and how far it was read. */
export class Output {
  #text = "";
  /** What stands before it was consumed. */
  #from = 0;
  /** Where the answer to what we sent last begins. */
  #answerAt = 0;
  #sent = "";
  /** Whether what we sent last answered something that was expected and seen. */
  #inTurn = true;
  /** Whether it was a command line, which is echoed. */
  #echoes = false;
  #heardAt = performance.now();
  #gapMs = 0;
  /** Whether something was expected, and seen, since we sent last. */
  met = false;
  /** Whether what was not read may still be expected after we send: a screen shows several questions at once. */
  keeps = false;
  /** Counts what was heard, and what of it could be seen. */
  pieces = 0;
  seen = 0;

  hear(text: string): void {
    const now = performance.now();
    const gap = now - this.#heardAt;
    // Between two lines a device may be working; within one it is slow.
    const within = this.#text.length > this.#answerAt && !this.#text.endsWith("\n") && gap < THINKING_MS;
    if (within) this.#gapMs = this.#gapMs === 0 ? gap : this.#gapMs + (gap - this.#gapMs) / 4;
    this.#heardAt = now;
    this.pieces += 1;
    if (text.trim() !== "") this.seen += 1;
    this.#text += text;
  }

  /** Whether it is time to drop what is old. */
  get full(): boolean {
    return this.#text.length > 2 * WINDOW;
  }

  /** Keeps the end only. */
  trim(): void {
    const dropped = this.#text.length - WINDOW;
    this.#text = this.#text.slice(dropped);
    this.#from = Math.max(0, this.#from - dropped);
    this.#answerAt = Math.max(0, this.#answerAt - dropped);
  }

  /**
   * Notes what we send. What was not read is kept only where nothing was expected since: the rest of a prompt that
   * was expected is no answer to what is sent now.
   */
  send(text: string): void {
    this.#echoes = isCommandPrompt(this.openLine);
    this.#inTurn = this.met;
    this.#text = this.met && !this.keeps ? "" : this.#text.slice(this.#from);
    this.#from = 0;
    this.#answerAt = this.#text.length;
    this.#sent = text;
    this.met = false;
    this.#heardAt = performance.now();
  }

  /** What was not consumed. */
  get unread(): string {
    return this.#text.slice(this.#from);
  }

  /** What came since we sent, without the echo of it, consumed or not. */
  get answer(): string {
    return this.#text.slice(this.#echoEnd());
  }

  /** Whether nothing of what we sent can still stand in the line: a prompt that comes now follows all of it. */
  get taken(): boolean {
    return this.#inTurn && (!this.#echoes || this.#echoEnd() > this.#answerAt);
  }

  /** The end of the line that the device left unfinished: a prompt stands there. */
  get openLine(): string {
    return openLine(this.#text.slice(Math.max(this.#answerAt, this.#text.length - LINE)));
  }

  /** The same line, when nothing of it was consumed. */
  get untouchedLine(): string | undefined {
    return this.#text.lastIndexOf("\n") + 1 >= this.#from ? this.openLine : undefined;
  }

  /** How long nothing came. Milliseconds. */
  get quietMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** The usual pause between two pieces of one line. Milliseconds. */
  get gapMs(): number {
    return this.#gapMs;
  }

  /** Looks for a pattern in what was not consumed. `echoed`: only our own line holds it. */
  find(pattern: Pattern): (Match & { readonly echoed: boolean; readonly rest: string }) | undefined {
    const match = pattern(this.unread);
    if (match === undefined) return undefined;
    const reach = this.#from + match.reach;
    const echoed = reach > this.#answerAt && reach <= this.#echoEnd();
    return { ...match, echoed, rest: this.#text.slice(reach) };
  }

  consume({ end }: Match): void {
    this.#from += end;
    this.met = true;
  }

  /** Where the echo of what we sent ends. Terminals wrap it and pad it: blanks do not count. */
  #echoEnd(): number {
    const sent = this.#sent.replaceAll(/\s/g, "");
    if (sent === "") return this.#answerAt;
    let echoed = 0;
    let at = this.#answerAt;
    for (; at < this.#text.length && echoed < sent.length; at += 1) {
      const char = this.#text.charAt(at);
      if (/\s/.test(char)) continue;
      if (char !== sent[echoed]) return this.#lateEchoEnd();
      echoed += 1;
    }
    return at;
  }

  /** The echo behind a prompt that came after we had sent. */
  #lateEchoEnd(): number {
    const line = this.#sent.trim();
    const answer = this.#text.slice(this.#answerAt, this.#answerAt + ECHO_WITHIN);
    const at = line.length < 3 ? -1 : answer.indexOf(`${line}\n`);
    return at < 0 ? this.#answerAt : this.#answerAt + at + line.length + 1;
  }
}
