import type { Call } from "../plugin.ts";
import type { Secrets } from "./mask.ts";

/** An answer longer than this is kept with its middle left out. Characters. */
const ANSWER = 32_768;
const HEAD = 500;
const TAIL = 1500;

interface Note {
  readonly at: number;
  readonly line: string;
}

/**
 * Writes what was said and done in a session, with the secrets masked. Nothing leaves before its end: a device may
 * echo the second half of a secret after we went on. A caller who gives up gets what there is at once.
 */
export class Transcript {
  readonly #call: Call;
  readonly #secrets: Secrets;
  #text = "";
  #notes: Note[] = [];

  constructor(call: Call, secrets: Secrets) {
    this.#call = call;
    this.#secrets = secrets;
    call.signal.addEventListener("abort", () => this.flush(), { once: true });
  }

  /** Takes what the device showed. */
  hear(text: string): void {
    this.#text += text;
    const from = this.#notes.at(-1)?.at ?? 0;
    if (this.#text.length - from > ANSWER) this.#shorten(from);
  }

  /** Takes what we did; never with a secret's value. */
  note(line: string): void {
    this.#notes.push({ at: this.#text.length, line });
  }

  /** Hands everything over. */
  flush(): void {
    const spans = this.#secrets.spans(this.#text);
    let from = 0;
    for (const { at, line } of [...this.#notes, { at: this.#text.length, line: "" }]) {
      // A secret that was echoed around a note stands before it.
      const to = Math.max(from, spans.find((span) => span.from < at && at < span.to)?.to ?? at);
      this.#tell(this.#secrets.mask(this.#text.slice(from, to)));
      if (line !== "") this.#call.transcript(`> ${line}`);
      from = to;
    }
    this.#text = "";
    this.#notes = [];
  }

  #tell(text: string): void {
    const shown = text.length > HEAD + TAIL ? `${text.slice(0, HEAD)}\n…\n${text.slice(-TAIL)}` : text;
    for (const line of shown.split("\n")) if (line.trim() !== "") this.#call.transcript(`< ${line.trim()}`);
  }

  /** Leaves out the middle of the last answer, and cuts no secret in two. */
  #shorten(from: number): void {
    const spans = this.#secrets.spans(this.#text);
    const outside = (at: number) => spans.find((span) => span.from < at && at < span.to);
    const head = outside(from + HEAD)?.from ?? from + HEAD;
    const end = this.#text.length - TAIL - this.#secrets.longest * 2;
    const tail = outside(end)?.from ?? end;
    this.#text = `${this.#text.slice(0, head)}\n…\n${this.#text.slice(tail)}`;
  }
}
