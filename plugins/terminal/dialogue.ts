/** Talking with a device on a terminal: wait for what it says, send, wait again. */
import type { Secret } from "../../contracts/secret.ts";
import { PluginFailure, type Call } from "../plugin.ts";
import { KnownPrompts } from "./known-prompts.ts";
import { Secrets } from "./mask.ts";
import { Output } from "./output.ts";
import type { Pattern } from "./patterns.ts";
import { PlainStream } from "./plain-stream.ts";
import { asksForSecret } from "./sentences.ts";
import { NEW_LINES, type NewLineMode, type Terminal } from "./terminal.ts";
import { excerpt, isCommandPrompt, isPrompt, looksLikeQuestion, openLine } from "./text.ts";
import { Transcript } from "./transcript.ts";

/** Quiet after which a prompt is believed: it may be part of a longer text that is still coming. Milliseconds. */
const PROMPT_MS = 80;
/** The same for a prompt at which the device was seen to wait before. Milliseconds. */
const KNOWN_PROMPT_MS = 5;
/**
 * The same for a question for a password, which hardly stands in another text's line. Not less: PAM asks first, and
 * then turns the echo off and drops what was typed until then. Milliseconds.
 */
const QUESTION_MS = 25;
/** Quiet after which any other text is believed to be whole. Milliseconds. */
const TEXT_MS = 500;
/** Quiet after which the echo of our own line is taken for the answer. Milliseconds. */
const ECHO_MS = 1000;
/** Quiet at a prompt after which what was said is the whole answer. Milliseconds. */
const ANSWER_MS = 1500;
/** A device that sends slowly is waited for so many of its usual pauses. */
const PAUSES = 3;

/** How much of an answer is looked at for its end. Characters. */
const EXCERPT = 16_384;

const LINE = 500;

/** Seen what a template says must not be seen. */
export class Unwanted extends PluginFailure {}

interface Forbidden {
  readonly pattern: Pattern;
  /** What to call it in a failure: `line 7`. */
  readonly name: string;
}

interface Silence {
  readonly quietMs: number;
  /** How long it may last. */
  readonly silenceMs: number;
  readonly meant: (() => PluginFailure | undefined) | undefined;
}

/**
 * A dialogue over a terminal. It goes on only when the device has stopped talking: a pattern met in the middle of a
 * message of the day, or in the echo of our own line, is not the prompt that was meant.
 */
export class Dialogue {
  newLine: NewLineMode = "unix";
  closed = false;
  readonly #terminal: Terminal;
  readonly #call: Call;
  readonly #secrets: Secrets;
  readonly #transcript: Transcript;
  readonly #prompts: KnownPrompts;
  readonly #output = new Output();
  readonly #forbidden: Forbidden[] = [];
  #unwanted: Unwanted | undefined;
  #wake: (news: "heard" | "closed") => void = () => undefined;

  /**
   * @param secrets what the transcript must not hold
   * @param prompts those of dialogues before it, with the same account on the same device
   */
  constructor(terminal: Terminal, call: Call, secrets: readonly Secret[], prompts = new KnownPrompts()) {
    this.#terminal = terminal;
    this.#call = call;
    this.#prompts = prompts;
    this.#secrets = new Secrets(secrets);
    this.#transcript = new Transcript(call, this.#secrets);
    const plain = new PlainStream();
    terminal.onData((bytes) => this.#hear(plain.push(bytes)));
    terminal.onClose(() => {
      this.closed = true;
      this.#wake("closed");
    });
  }

  /** Keeps one more secret out of the transcript. */
  hide(secret: Secret): void {
    this.#secrets.add(secret);
  }

  /** What came since we sent last, without the echo of it. Line feeds end its lines. */
  get answer(): string {
    return this.#output.answer;
  }

  /** The line that the device left unfinished, when nothing of it was consumed: a question that nobody expected. */
  get untouchedLine(): string {
    return this.#output.untouchedLine ?? "";
  }

  /** The line on which the device waits, consumed or not. */
  get line(): string {
    return this.#output.openLine;
  }

  /** What of it nobody has consumed. */
  get unread(): string {
    return openLine(this.#output.unread.slice(-LINE));
  }

  /** Whether something was expected, and came, since we sent last. */
  get met(): boolean {
    return this.#output.met;
  }

  /** Rises with everything that is heard. */
  get pieces(): number {
    return this.#output.pieces;
  }

  /** Rises with everything of it that can be seen. */
  get seen(): number {
    return this.#output.seen;
  }

  /** The end of what the device said, without secrets. */
  excerpt(): string {
    return excerpt(this.#secrets.mask(this.answer.slice(-EXCERPT)));
  }

  /**
   * Waits until what was not consumed holds the pattern and the device has stopped talking, and consumes it. A second
   * wait in a row is also met by what the first one consumed.
   * @param silenceMs how long the device may say nothing
   * @param meant says what an answer means that is not the one waited for: a device that stands at a prompt after it is
   *   waited for no longer
   * @param again whether what was consumed before may meet it, too
   * @throws PluginFailure `target.needs-human` when it is silent at a question, `target.unexpected` at a prompt,
   *   `target.timeout` elsewhere, `target.connection-lost`; {@link Unwanted}
   */
  async expect(
    pattern: Pattern,
    silenceMs: number,
    meant?: () => PluginFailure | undefined,
    again = true,
  ): Promise<void> {
    const begun = performance.now();
    for (;;) {
      this.#check();
      const match = this.#output.find(pattern);
      const { quietMs } = this.#output;
      // What the template slept before it began to wait is no silence.
      const silence = { quietMs: Math.min(quietMs, performance.now() - begun), silenceMs, meant };
      const leftMs =
        match === undefined
          ? this.#leftWithout(silence, again && this.#metBefore(pattern))
          : Math.min(silenceMs, this.#quietFor(match)) - quietMs;
      if (leftMs <= 0 || (match !== undefined && this.closed)) {
        if (match !== undefined) this.#output.consume(match);
        this.#prompts.learn(this.#output.openLine);
        return;
      }
      await this.#quiet(leftMs);
    }
  }

  /** Fails from now on when the pattern comes, or came since we sent last. */
  forbid(pattern: Pattern, name: string): void {
    this.#forbidden.push({ pattern, name });
    this.#check();
  }

  get forbids(): boolean {
    return this.#forbidden.length > 0;
  }

  /** Waits until the device waits for us, at a prompt; also when it does not in time, or closes. */
  async settle(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    for (;;) {
      this.#check();
      const left = until - performance.now();
      const needed = isPrompt(this.#output.openLine) ? this.#atPrompt() : Infinity;
      if (this.closed || left <= 0 || this.#output.quietMs >= needed) return;
      await this.#wait(Math.min(left, Math.max(1, needed - this.#output.quietMs)), true);
    }
  }

  /** Lets time pass. */
  async pause(timeMs: number): Promise<void> {
    const until = performance.now() + timeMs;
    for (let left = timeMs; left > 0 && !this.closed; left = until - performance.now()) await this.#wait(left, false);
    this.#check();
  }

  /** Whether what was not consumed may still be expected after the next text is sent. */
  set keepsUnread(keeps: boolean) {
    this.#output.keeps = keeps;
  }

  /**
   * Sends a text as it is.
   * @param shown what the transcript says of it, without secrets
   */
  send(text: string, shown: string): void {
    this.#check();
    if (this.#call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
    if (this.closed) throw new PluginFailure("target.connection-lost", this.excerpt());
    this.#transcript.note(shown);
    this.#output.send(text);
    this.#terminal.write(Buffer.from(text, "utf8"));
  }

  /** Sends a text and a line end. */
  sendLine(text: string, shown: string): void {
    this.send(text + NEW_LINES[this.newLine], shown);
  }

  /** Hands the transcript over. Once, at the end. */
  end(): void {
    this.#transcript.flush();
  }

  #hear(text: string): void {
    this.#transcript.hear(text);
    this.#output.hear(text);
    if (this.#output.full) {
      this.#unwanted ??= this.#look();
      this.#output.trim();
    }
    this.#wake("heard");
  }

  #look(): Unwanted | undefined {
    if (this.#forbidden.length === 0) return undefined;
    const { answer } = this.#output;
    const found = this.#forbidden.find(({ pattern }) => pattern(answer) !== undefined);
    return found && new Unwanted("target.unexpected", `${found.name}: what must not come came: ${this.excerpt()}`);
  }

  #check(): void {
    this.#unwanted ??= this.#look();
    if (this.#unwanted !== undefined) throw this.#unwanted;
  }

  /** Whether a pattern is met by what was consumed since we sent, with nothing but blanks after it. */
  #metBefore(pattern: Pattern): boolean {
    return this.met && this.#output.unread.trim() === "" && pattern(this.answer) !== undefined;
  }

  /**
   * How much longer to wait for a pattern that is not there; 0 when what was consumed before meets it.
   * @throws PluginFailure when it will not come
   */
  #leftWithout({ quietMs, silenceMs, meant }: Silence, metBefore: boolean): number {
    if (metBefore && (this.closed || quietMs >= TEXT_MS)) return 0;
    const over = this.closed || quietMs >= silenceMs;
    const atPrompt = isPrompt(this.#output.openLine);
    const failure = over || (atPrompt && quietMs >= ANSWER_MS) ? meant?.() : undefined;
    if (failure !== undefined) throw failure;
    if (this.closed) throw new PluginFailure("target.connection-lost", this.excerpt());
    if (over) throw this.#silence();
    const looks = [silenceMs, atPrompt ? ANSWER_MS : silenceMs, metBefore ? TEXT_MS : silenceMs];
    return Math.min(...looks.filter((ms) => ms > quietMs)) - quietMs;
  }

  #atPrompt(): number {
    const { openLine: line, gapMs } = this.#output;
    const known = this.#prompts.has(line) && this.#output.taken;
    return Math.max(known ? KNOWN_PROMPT_MS : asksForSecret(line) ? QUESTION_MS : PROMPT_MS, PAUSES * gapMs);
  }

  /** How long the device must be quiet until a match is believed. */
  #quietFor({ echoed, rest, open }: { echoed: boolean; rest: string; open: boolean }): number {
    if (echoed) return ECHO_MS;
    const line = this.#output.openLine;
    // The match is the end of what was said, on a line that was left open; or the device waits at another prompt.
    const last = rest.trim() === "" && line.trim() !== "" && !rest.includes("\n");
    const waiting = (open || rest.includes("\n")) && isPrompt(line);
    return last || waiting ? this.#atPrompt() : Math.max(TEXT_MS, PAUSES * this.#output.gapMs);
  }

  #silence(): PluginFailure {
    const line = this.#output.openLine;
    if (isCommandPrompt(line)) return new PluginFailure("target.unexpected", this.excerpt());
    return new PluginFailure(looksLikeQuestion(line) ? "target.needs-human" : "target.timeout", this.excerpt());
  }

  /** Waits so long, or until something came and a pause after it: a search at each byte would cost too much. */
  async #quiet(timeMs: number): Promise<void> {
    const { pieces } = this.#output;
    let leftMs = timeMs;
    do {
      await this.#wait(Math.max(1, leftMs), true);
      leftMs = this.#atPrompt() - this.#output.quietMs;
    } while (!this.closed && this.#output.pieces !== pieces && leftMs > 0);
  }

  async #wait(timeMs: number, untilNews: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const { signal } = this.#call;
    const abort = () => reject(new PluginFailure("target.timeout", "stopped from outside"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    // In a busy process time passes while what the device said is still unread: it is read before the time counts.
    const timer = setTimeout(() => setImmediate(() => resolve(undefined)), timeMs);
    this.#wake = (news) => {
      if (untilNews || news === "closed") resolve(undefined);
    };
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }
}
