import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { OPERATION_STATES, STATE_TITLES } from "../../contracts/states.ts";
import type { OperationEvent } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { readEvents } from "../event-stream.ts";
import { collectOf, wholeNumber } from "../options.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

interface EventOptions {
  readonly state?: readonly string[];
  readonly since?: string;
  readonly limit?: number;
}

/** Between the end of one stream and the next try. */
const RETRY_MS = 2000;

function show({ io, print }: Session, event: OperationEvent, id: string | undefined): void {
  const { code, from, state, site, at } = event;
  if (print.format !== "table") io.output.write(`${JSON.stringify({ id, ...event })}\n`);
  else io.output.write(`${at}  ${code}  ${from ? `${STATE_TITLES[from]} → ` : ""}${STATE_TITLES[state]}  ${site}\n`);
}

/** Follows the stream and goes on after each break where it ended, until Ctrl-C or the limit. */
async function follow(
  session: Session,
  { state, since, limit = Number.POSITIVE_INFINITY }: EventOptions,
): Promise<void> {
  let place = since;
  let seen = 0;
  let opened = false;
  for (;;) {
    const ended = new AbortController();
    try {
      const headers = place === undefined ? {} : { "last-event-id": place };
      const stream = await session.api.open("v1/operations/events", { state }, { headers, signal: ended.signal });
      opened = true;
      for await (const { id, type, data } of readEvents(stream)) {
        if (type === "reset")
          session.print.hint("What happened before is not kept any more; from here on all is shown.");
        if (type === "operation") {
          show(session, JSON.parse(data) as OperationEvent, id);
          seen += 1;
        }
        place = id ?? place;
        if (seen >= limit) return;
      }
    } catch (error) {
      // A refusal stays one; a broken connection is gone on from.
      if (!opened || (error instanceof CliError && error.exitCode !== EXIT.unavailable)) throw error;
    } finally {
      ended.abort();
    }
    await sleep(RETRY_MS);
  }
}

/** `keyturn events` */
export function addEventCommand(program: Command, start: Start): void {
  program
    .command("events")
    .description("follow every change of state of operations, from now on, until Ctrl-C")
    .option(
      "--state <state>",
      `only changes to it; may be repeated: ${OPERATION_STATES.join(", ")}`,
      collectOf(OPERATION_STATES),
    )
    .option("--since <id>", "go on after this event; JSON output holds the ids")
    .option("--limit <number>", "end after so many", wholeNumber)
    .action(start(follow));
}
