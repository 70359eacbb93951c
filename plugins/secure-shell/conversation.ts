import type { ClientChannel } from "ssh2";
import { PluginFailure, type Call } from "../plugin.ts";
import { excerpt, looksLikeQuestion, openLine, plain } from "../terminal/text.ts";
import { limit } from "../terminal/time-limit.ts";

/** A device that floods us fills no memory. Characters. */
const LIMIT = 65_536;

/** A command on the device whose output is read and whose questions are answered. */
export class Conversation {
  /** Standard output so far, without control characters. */
  output = "";
  /** Standard error so far; a terminal has only output. */
  errors = "";
  closed = false;
  /** Exit code; undefined when the command was killed or the connection lost. */
  exitCode: number | undefined;
  readonly #channel: ClientChannel;
  readonly #call: Call;
  #wake: () => void = () => undefined;

  constructor(channel: ClientChannel, call: Call) {
    this.#channel = channel;
    this.#call = call;
    let raw = "";
    let rawErrors = "";
    // The whole text is cleaned again at each piece: a control sequence may be cut in two.
    this.#read(channel, (chunk) => (this.output = plain((raw += chunk))));
    this.#read(channel.stderr, (chunk) => (this.errors = plain((rawErrors += chunk))));
    channel.on("exit", (code: number | null) => (this.exitCode = code ?? undefined));
    channel.on("error", () => undefined);
    channel.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  /**
   * Waits until `look` finds something; it is asked again at everything the device says.
   * @throws PluginFailure `target.needs-human` when the device is silent at a question that nobody knows,
   *   `target.timeout` when it is silent otherwise, `target.unexpected` when it never stops talking
   */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.output.length + this.errors.length > LIMIT) {
        throw new PluginFailure("target.unexpected", `endless output: ${this.excerpt()}`);
      }
      await this.#news();
    }
  }

  /** Sends one line; it is never written to the transcript. */
  send(line: string): void {
    this.#channel.write(`${line}\n`);
  }

  /** Everything said, for an attempt's record. */
  excerpt(): string {
    return excerpt(`${this.output}\n${this.errors}`);
  }

  #read(stream: NodeJS.ReadableStream, add: (chunk: string) => void): void {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      add(chunk);
      this.#call.transcript(`< ${plain(chunk).trim()}`);
      this.#wake();
    });
  }

  async #news(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    const guard = limit(this.#call, this.#call.readTimeoutMs, (failure) =>
      reject(this.#call.signal.aborted ? failure : this.#silence()),
    );
    try {
      await promise;
    } finally {
      guard();
    }
  }

  #silence(): PluginFailure {
    const waiting = [this.output, this.errors].map(openLine).find(looksLikeQuestion);
    if (waiting !== undefined) return new PluginFailure("target.needs-human", excerpt(waiting));
    return new PluginFailure("target.timeout", this.excerpt());
  }
}
