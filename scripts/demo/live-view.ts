import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../cli/client.ts";
import type { OperationQuery } from "../../contracts/operations-list.schema.ts";
import type { Operation } from "../../contracts/operations.schema.ts";
import { STATE_TITLES, isOpen } from "../../contracts/states.ts";

const LOOK_MS = 150;

function describe(operation: Operation): string {
  const { target, state, waitingFor, phase, outcome } = operation;
  const more = waitingFor ?? phase ?? outcome;
  const account = `${target.username}@${target.device}`.padEnd(32);
  return `${String(operation.code).padStart(6)}  ${account}  ${STATE_TITLES[state]}${more ? ` (${more})` : ""}`;
}

/** Lines that are rewritten on a terminal; elsewhere each line is written when it changes. */
class LiveLines {
  #shown: readonly string[] = [];

  show(lines: readonly string[]): void {
    if (process.stdout.isTTY) {
      const up = this.#shown.length > 0 ? `\u001B[${this.#shown.length}A` : "";
      process.stdout.write(up + lines.map((line) => `\u001B[2K${line}\n`).join(""));
    } else {
      for (const [index, line] of lines.entries()) if (line !== this.#shown[index]) process.stdout.write(`${line}\n`);
    }
    this.#shown = lines;
  }
}

/** Shows the state of each operation until all have ended. @returns them as they ended */
export async function followLive(api: Client, codes: readonly number[]): Promise<Operation[]> {
  const view = new LiveLines();
  for (;;) {
    const query: Pick<OperationQuery, "code"> = { code: [...codes] };
    const { items } = await api.list<Operation>("v1/operations", query);
    const operations = items.toSorted((one, other) => one.code - other.code);
    view.show(operations.map(describe));
    if (operations.every((operation) => !isOpen(operation.state))) return operations;
    await sleep(LOOK_MS);
  }
}
