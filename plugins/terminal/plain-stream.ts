/**
 * What a terminal shows, as text: UTF-8 decoded, control sequences taken out; line feeds and tabs stay. Characters and
 * sequences may be cut anywhere between two pieces.
 *
 * Source of the sequences: ECMA-48, 5th edition, 5.3 to 5.6 and 8.3.
 */

type State = "text" | "escape" | "intermediate" | "control-sequence" | "string" | "string-escape";

const ESCAPE = 0x1b;
const BELL = 0x07;
/** Device control, start of string, operating system command, privacy message, application command: `P X ] ^ _`. */
const STRINGS = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f]);
const CONTROL_SEQUENCE = 0x5b;
/** What a sequence may hold at most: a lone ESC of a broken device must not swallow all that follows. Characters. */
const LONGEST = 4096;

export class PlainStream {
  readonly #decoder = new TextDecoder();
  #state: State = "text";
  #length = 0;

  /** Takes the next piece and gives what of it can be seen. */
  push(bytes: Buffer): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    let seen = "";
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (this.#state === "text" && isVisible(code)) continue;
      if (this.#state === "text") seen += text.slice(from, at);
      from = at + 1;
      this.#state = this.#next(code);
    }
    return this.#state === "text" ? seen + text.slice(from) : seen;
  }

  #next(code: number): State {
    if (this.#state === "text") this.#length = 0;
    this.#length += 1;
    if (this.#length > LONGEST) return "text";
    switch (this.#state) {
      case "text":
        return code === ESCAPE ? "escape" : code === 0x9b ? "control-sequence" : "text";
      case "escape":
        if (code === CONTROL_SEQUENCE) return "control-sequence";
        if (STRINGS.has(code)) return "string";
        return code >= 0x20 && code <= 0x2f ? "intermediate" : code === ESCAPE ? "escape" : "text";
      case "intermediate":
        return code >= 0x20 && code <= 0x2f ? "intermediate" : "text";
      case "control-sequence":
        return code === ESCAPE ? "escape" : code >= 0x40 && code <= 0x7e ? "text" : "control-sequence";
      case "string":
        return code === BELL || code === 0x9c ? "text" : code === ESCAPE ? "string-escape" : "string";
      case "string-escape":
        return "text";
    }
  }
}

/** Whether a character stays: not a control of C0 or C1, but for tab and line feed. */
function isVisible(code: number): boolean {
  return code === 0x0a || code === 0x09 || (code >= 0x20 && (code < 0x7f || code > 0x9f));
}
