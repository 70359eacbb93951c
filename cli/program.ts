import { Command, CommanderError, Option } from "commander";
import { addAttemptCommands } from "./commands/attempts.ts";
import { addChangeCommand } from "./commands/change.ts";
import { addCredentialCommands } from "./commands/credential.ts";
import { addDashboardCommand } from "./commands/dashboard.ts";
import { addDeviceCommands } from "./commands/device.ts";
import { addEventCommand } from "./commands/events.ts";
import { addImportCommand } from "./commands/import.ts";
import { addEphemeralCommands } from "./commands/jobs.ts";
import { addOperationCommands } from "./commands/operations.ts";
import { addPauseCommands } from "./commands/pause.ts";
import { addPluginsCommand } from "./commands/plugins.ts";
import { addPolicyCommands } from "./commands/policy.ts";
import type { Start } from "./commands/shared.ts";
import { addStrengthCommands } from "./commands/strength.ts";
import { addTemplateCommands } from "./commands/template.ts";
import { addTokenCommands } from "./commands/token.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { FORMATS } from "./output/print.ts";
import { type Session, openSession } from "./session.ts";

const EXIT_HELP = `
Exit codes (sysexits.h): 0 done, 64 wrong command line, 65 refused, 66 not found or no password given,
69 Keyturn does not answer, 70 a fault, 75 not now or the operation waited for did not succeed, 77 not permitted.`;

function build(io: Io, fail: (exitCode: number) => void): Command {
  const program = new Command("keyturn")
    .description("Changes the passwords of privileged accounts. Speaks to the API of a running Keyturn.")
    .addOption(new Option("--url <url>", "address of the API").env("KEYTURN_URL").default("http://127.0.0.1:8420"))
    .addOption(new Option("-o, --output <format>", "how data is written").choices(FORMATS).default("table"))
    .addHelpText(
      "after",
      `${EXIT_HELP}\n\nThe token comes from KEYTURN_TOKEN, else from .keyturn/admin-token of this checkout.`,
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.output.write(text),
      writeErr: (text) => io.errors.write(text),
    })
    .showHelpAfterError("(add --help for more)");
  const start: Start =
    <Args extends unknown[]>(work: (session: Session, ...args: Args) => Promise<void>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      await work(openSession(command, io, fail), ...(given.slice(0, -1) as Args));
    };
  for (const add of [
    addDeviceCommands,
    addCredentialCommands,
    addChangeCommand,
    addOperationCommands,
    addEphemeralCommands,
    addAttemptCommands,
    addEventCommand,
    addPolicyCommands,
    addStrengthCommands,
    addPauseCommands,
    addDashboardCommand,
    addImportCommand,
    addTemplateCommands,
    addPluginsCommand,
    addTokenCommands,
  ])
    add(program, start);
  return program;
}

/** What a failure tells the person and the calling script. */
function report(io: Io, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    io.errors.write(`keyturn: ${error.message}\n${error.hint === "" ? "" : `${error.hint}\n`}`);
    return error.exitCode;
  }
  io.errors.write(`keyturn: this should not happen: ${error instanceof Error ? error.stack : String(error)}\n`);
  return EXIT.software;
}

/**
 * Runs one command line.
 * @param args without the program's own name
 * @returns the exit code; nothing is thrown
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  try {
    const program = build(io, (code) => {
      if (exitCode === EXIT.ok) exitCode = code;
    });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(io, error);
  }
}
