/** Finds secrets in what a terminal shows, however the terminal broke them. */
import type { Secret } from "../../contracts/secret.ts";

/** So many characters of a secret in a row are masked: a device may echo a part of what it got. */
const PART = 6;
/** A shorter secret stands in every ordinary text by chance. */
const SHORTEST = 4;
/** What terminals and shells put between the characters of a secret: line breaks, padding, quotes. */
const BETWEEN = new Set(" \t\n\r\u00a0'\"\\");

const MASK = "[secret]";

/** A stretch of a text; the end is not part of it. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The secrets of a session. One that is made on the way is added when it is made. */
export class Secrets {
  readonly #windows = new Map<number, Set<string>>();
  /** Characters of the longest one. */
  longest = 0;

  constructor(secrets: readonly Secret[]) {
    for (const secret of secrets) this.add(secret);
  }

  add(secret: Secret): void {
    const value = condense(secret.reveal()).text;
    this.longest = Math.max(this.longest, value.length);
    if (value.length < SHORTEST) return;
    const size = Math.min(PART, value.length);
    const parts = this.#windows.get(size) ?? new Set();
    for (let at = 0; at + size <= value.length; at += 1) parts.add(value.slice(at, at + size));
    this.#windows.set(size, parts);
  }

  /** Where secrets stand, or parts of them, in order and apart from each other. */
  spans(text: string): Span[] {
    const { text: condensed, places } = condense(text);
    const found: Span[] = [];
    for (let at = 0; at < condensed.length; at += 1) {
      for (const [size, parts] of this.#windows) {
        if (!parts.has(condensed.slice(at, at + size))) continue;
        const span = { from: places[at] ?? 0, to: (places[at + size - 1] ?? 0) + 1 };
        const last = found.at(-1);
        if (last === undefined || last.to < span.from) found.push(span);
        else found[found.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
      }
    }
    return found;
  }

  /** The text with every secret masked. */
  mask(text: string): string {
    let masked = "";
    let done = 0;
    for (const { from, to } of this.spans(text)) {
      masked += text.slice(done, from) + MASK;
      done = to;
    }
    return masked + text.slice(done);
  }
}

/** The text without what may stand between, in lower case, and where each of its characters came from. */
function condense(text: string): { text: string; places: number[] } {
  const places: number[] = [];
  let condensed = "";
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (BETWEEN.has(char)) continue;
    condensed += char >= "A" && char <= "Z" ? char.toLowerCase() : char;
    places.push(at);
  }
  return { text: condensed, places };
}
