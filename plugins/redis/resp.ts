/**
 * RESP2, the protocol of Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 * No client library is used: none lets the server's certificate be compared with a pin before it sends the password.
 */

/** An error that the server answered, by its first word: the rest may repeat what it was told. */
export class RespError {
  readonly word: string;

  /** @param line the whole of it */
  constructor(line: string) {
    // The one error without a word of its own that has a meaning of its own.
    this.word = /^ERR max number of clients\b/.test(line) ? "MAXCLIENTS" : (/^[A-Z]*/.exec(line)?.[0] ?? "");
  }
}

export type Reply = string | number | null | RespError | readonly Reply[];

/** A command as an array of bulk strings: no value can break out of its place. */
export function encodeCommand(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}

interface Read<T> {
  readonly value: T;
  /** Where the next one begins. */
  readonly next: number;
}

/** Deeper than any answer that is asked for here. */
const DEPTH = 8;

/**
 * Reads one reply.
 * @returns undefined when it is not whole yet
 * @throws Error when it is no RESP2
 */
export function decodeReply(data: Buffer, at = 0, depth = 0): Read<Reply> | undefined {
  const end = data.indexOf("\r\n", at);
  if (end < 0) return undefined;
  const line = data.toString("utf8", at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(data[at] ?? 0)) {
    case "+":
      return { value: line, next };
    case "-":
      return { value: new RespError(line), next };
    case ":":
      return { value: Number(line), next };
    case "$":
      return bulk(data, next, lengthOf(line));
    case "*":
      if (depth >= DEPTH) throw new Error("The answer is nested too deeply.");
      return list({ data, next, depth: depth + 1 }, lengthOf(line));
    default:
      throw new Error("The answer is no RESP.");
  }
}

function lengthOf(line: string): number {
  if (!/^(-1|\d{1,9})$/.test(line)) throw new Error("The answer has no length.");
  return Number(line);
}

function bulk(data: Buffer, from: number, length: number): Read<Reply> | undefined {
  if (length < 0) return { value: null, next: from };
  const next = from + length + 2;
  if (data.length < next) return undefined;
  return { value: data.toString("utf8", from, from + length), next };
}

function list(
  { data, next, depth }: { data: Buffer; next: number; depth: number },
  length: number,
): Read<Reply> | undefined {
  if (length < 0) return { value: null, next };
  const value: Reply[] = [];
  let at = next;
  while (value.length < length) {
    const item = decodeReply(data, at, depth);
    if (!item) return undefined;
    value.push(item.value);
    at = item.next;
  }
  return { value, next: at };
}
