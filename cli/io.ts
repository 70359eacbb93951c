import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ReadStream } from "node:tty";
import { CliError, EXIT } from "./exit-codes.ts";

/** The terminal, or whatever stands in for it. */
export interface Io {
  readonly input: NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY">>;
  /** Data goes here. */
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Hints, progress and errors go here. */
  readonly errors: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Whether `output` may be coloured. */
  readonly color: boolean;
  /** From the environment; read from `tokenFile` when absent. */
  readonly token: string | undefined;
  /** File that holds the token made at the first start of this checkout. */
  readonly tokenFile: string;
}

/** Swallows the echo of what is typed. */
function silence(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/**
 * Asks one question after the other.
 * @throws CliError when Ctrl-C is pressed or the input ends before the last answer
 */
function askLines(io: Io, questions: readonly string[], echo: boolean): Promise<string[]> {
  const lines = createInterface({ input: io.input, output: echo ? io.errors : silence(), terminal: true });
  const answers: string[] = [];
  function next(): void {
    const question = questions[answers.length];
    if (question === undefined) return lines.close();
    lines.setPrompt(question);
    if (!echo) io.errors.write(question);
    lines.prompt();
  }
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      answers.push(line);
      if (!echo) io.errors.write("\n");
      next();
    });
    lines.on("SIGINT", () => lines.close());
    lines.on("close", () => {
      if (answers.length === questions.length) resolve(answers);
      else {
        io.errors.write("\n");
        reject(new CliError(EXIT.interrupted, "Given up."));
      }
    });
    next();
  });
}

/** Asks the person at the terminal; undefined when there is none. */
export async function ask(io: Io, question: string): Promise<string | undefined> {
  return io.input.isTTY ? (await askLines(io, [question], true))[0] : undefined;
}

/**
 * Takes a password from the terminal, unseen and typed twice, or else the first line of standard input; all of it where
 * that is a private key in PEM.
 * @returns undefined when nothing came, or when the two differ
 */
export async function readPassword(io: Io): Promise<string | undefined> {
  if (!io.input.isTTY) {
    const given = await text(io.input);
    return given.startsWith("-----BEGIN ") ? given : given.split(/\r?\n/, 1)[0] || undefined;
  }
  const [first, second] = await askLines(io, ["Password: ", "The same again: "], false);
  return first === second ? first || undefined : undefined;
}
