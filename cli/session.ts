import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Client } from "./client.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { type Format, Printer } from "./output/print.ts";

/** What every command works with. */
export interface Session {
  readonly io: Io;
  readonly api: Client;
  readonly print: Printer;
  /** Sets the exit code of a command that did its work but has bad news. */
  fail(exitCode: number): void;
}

interface GlobalOptions {
  readonly url: string;
  readonly output: Format;
}

/** Never from the command line, where everybody on the machine could read it. */
function tokenFrom({ token, tokenFile }: Io): string {
  if (token) return token;
  try {
    return readFileSync(tokenFile, "utf8").trim();
  } catch (cause) {
    throw new CliError(
      EXIT.noPermission,
      "No token was given.",
      `Set KEYTURN_TOKEN. (${tokenFile}, which the first start of Keyturn in this checkout makes, cannot be read.)`,
      { cause },
    );
  }
}

/** Opens the session that the global options describe. @throws CliError when no token is at hand */
export function openSession(command: Command, io: Io, fail: (exitCode: number) => void): Session {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    io,
    api: new Client(options.url, tokenFrom(io)),
    print: new Printer(io, options.output),
    fail,
  };
}
