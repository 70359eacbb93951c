import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../cli/client.ts";
import { freePort } from "../scripts/engine/ports.ts";
import { type Keyturn, startKeyturn } from "../scripts/supervisor/keyturn.ts";

/** Changes a worker makes at once unless told otherwise: KEYTURN_SLOTS. */
export const SLOTS = 50;

/** A whole Keyturn of real processes as `npm start` makes it, and its first administrator's API client. */
export interface Stack extends AsyncDisposable {
  readonly keyturn: Keyturn;
  readonly api: Client;
}

/** Starts one in a new folder; it is removed, with the databases, at the end. */
export async function startStack(say: (text: string) => void): Promise<Stack> {
  const state = await mkdtemp(join(tmpdir(), "keyturn-bench-"));
  const [port, database, temporal, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const keyturn = await startKeyturn({
    state,
    ports: { port, "database-port": database, "temporal-port": temporal, "temporal-ui-port": ui },
    // Empty: never an external database or Temporal that this shell happens to point at.
    environment: {},
    say,
  });
  const token = (await readFile(keyturn.adminTokenFile, "utf8")).trim();
  return {
    keyturn,
    api: new Client(keyturn.url, token),
    [Symbol.asyncDispose]: async () => {
      await keyturn.stop();
      for (const folder of [keyturn.instance.data, state]) await rm(folder, { recursive: true, force: true });
    },
  };
}
