import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../cli/client.ts";
import { freePort } from "../scripts/engine/ports.ts";
import { type Keyturn, startKeyturn } from "../scripts/supervisor/keyturn.ts";

/** Changes a worker makes at once unless told otherwise: KEYTURN_SLOTS. */
export const SLOTS = 50;

/** A whole Keyturn of real processes as `npm start` makes it, and its first administrator's API client. */
export interface Stack {
  readonly keyturn: Keyturn;
  readonly api: Client;
}

/** Ends what `starting` started, even when the end comes before it is up. */
export function endLater<Started>(
  cleanup: AsyncDisposableStack,
  starting: Promise<Started>,
  end: (started: Started) => Promise<unknown>,
): Promise<Started> {
  cleanup.defer(async () => {
    const started = await starting.catch(() => undefined);
    if (started !== undefined) await end(started);
  });
  return starting;
}

/** Starts one in a new folder; `cleanup` ends it and removes the folder, with the databases. */
export async function startStack(cleanup: AsyncDisposableStack, say: (text: string) => void): Promise<Stack> {
  const state = await mkdtemp(join(tmpdir(), "keyturn-bench-"));
  const [port, database, temporal, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const starting = startKeyturn({
    state,
    ports: { port, "database-port": database, "temporal-port": temporal, "temporal-ui-port": ui },
    // Empty: never an external database or Temporal that this shell happens to point at.
    environment: {},
    say,
  });
  const keyturn = await endLater(cleanup, starting, async ({ instance, stop }) => {
    await stop();
    for (const folder of [instance.data, state]) await rm(folder, { recursive: true, force: true });
  });
  const token = (await readFile(keyturn.adminTokenFile, "utf8")).trim();
  return { keyturn, api: new Client(keyturn.url, token) };
}
