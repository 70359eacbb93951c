import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../cli/client.ts";
import { type Instance, openInstance } from "../scripts/engine/instance.ts";
import { freePort } from "../scripts/engine/ports.ts";
import { type Keyturn, startKeyturn } from "../scripts/supervisor/keyturn.ts";

/** A place of its own for the databases of one bench. */
export interface Workspace extends AsyncDisposable {
  readonly instance: Instance;
}

/** A new folder; it is removed, with the databases in it, at the end. */
export async function openWorkspace(): Promise<Workspace> {
  const instance = await openInstance(await mkdtemp(join(tmpdir(), "keyturn-bench-")));
  return {
    instance,
    [Symbol.asyncDispose]: async () => {
      for (const folder of [instance.data, instance.state]) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A whole Keyturn of real processes, and its first administrator's API client. */
export interface Stack extends AsyncDisposable {
  readonly keyturn: Keyturn;
  readonly api: Client;
}

/** @param slots changes the worker makes at once */
export async function startStack(workspace: Workspace, slots: number, say: (text: string) => void): Promise<Stack> {
  const [port, database, temporal, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const keyturn = await startKeyturn({
    state: workspace.instance.state,
    ports: { port, "database-port": database, "temporal-port": temporal, "temporal-ui-port": ui },
    environment: { KEYTURN_SLOTS: String(slots), KEYTURN_LOG_LEVEL: "warn" },
    say,
  });
  const token = (await readFile(keyturn.adminTokenFile, "utf8")).trim();
  return { keyturn, api: new Client(keyturn.url, token), [Symbol.asyncDispose]: () => keyturn.stop() };
}
