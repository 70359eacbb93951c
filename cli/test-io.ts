import { PassThrough, Readable, Writable } from "node:stream";
import type { Io } from "./io.ts";

export interface TestIo extends Io {
  /** What was written so far. */
  written(): { output: string; errors: string };
}

function sink(tty: boolean): { stream: Writable & { isTTY: boolean }; text(): string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY: tty }), text: () => text };
}

/**
 * Stands in for the terminal in tests.
 * @param options.typed what comes from standard input; typed at a terminal when `tty`
 */
export function testIo(options: { typed?: string; tty?: boolean; token?: string } = {}): TestIo {
  const tty = options.tty ?? false;
  const output = sink(tty);
  const errors = sink(tty);
  // A terminal stays open after what was typed; a pipe ends.
  const input = tty ? new PassThrough() : Readable.from([options.typed ?? ""]);
  if (input instanceof PassThrough) input.write(options.typed ?? "");
  return {
    input: Object.assign(input, { isTTY: tty }),
    output: output.stream,
    errors: errors.stream,
    color: false,
    token: options.token,
    tokenFile: "/nonexistent/admin-token",
    written: () => ({ output: output.text(), errors: errors.text() }),
  };
}
