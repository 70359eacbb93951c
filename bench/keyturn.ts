import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import type { Client } from "../cli/client.ts";
import type { Credential } from "../contracts/credentials.schema.ts";
import type { Device } from "../contracts/devices.schema.ts";
import type { Template } from "../contracts/templates.schema.ts";
import { load } from "./load.ts";
import type { BenchTarget } from "./target.ts";

/** Requests in flight while rows are made. */
const REGISTERING = 8;

/**
 * Registers the target, its administrator and its accounts through the API.
 * @param port where Keyturn reaches the device
 * @param permits changes on it at once: high enough that the device is not the limit
 * @returns ids of the accounts' credentials, in their order
 */
export async function register(api: Client, target: BenchTarget, port: number, permits: number): Promise<string[]> {
  const device = await api.post<Device>("v1/devices", {
    name: `bench-${target.plugin}`,
    address: "127.0.0.1",
    port,
    permits,
    settings: { [target.plugin]: target.settings },
    pinnedIdentity: target.pinnedIdentity,
  });
  const common = { deviceId: device.id, plugin: target.plugin };
  const templateId = target.template === undefined ? null : await registerTemplate(api, target.plugin, target.template);
  const administrator = await api.post<Credential>("v1/credentials", { ...common, ...target.administrator });
  const ids: string[] = [];
  const numbered = target.accounts.map((account, index) => ({ account, index }));
  await load(numbered, REGISTERING, async ({ account, index }) => {
    const credential = await api.post<Credential>("v1/credentials", {
      ...common,
      ...account,
      automaticChange: true,
      useOwnCredential: false,
      authenticationCredentialId: administrator.id,
      templateId,
    });
    ids[index] = credential.id;
  });
  return ids;
}

/** There is no second person here who could approve a template. */
async function registerTemplate(api: Client, plugin: string, body: string): Promise<string> {
  const { revision } = await api.read("v1/settings");
  await api.patch("v1/settings", { templateApproval: false }, revision);
  const { id } = await api.post<Template>("v1/templates", { name: "bench", plugin, kind: "change-password", body });
  return id;
}

/** How often the rows are looked at; what is measured is stamped by the rows themselves. */
const LOOK_MS = 20;

/** Resolves when the operation with this code has ended. */
export type Ended = (code: number) => Promise<void>;

/** Watches operations by one small query for all that are waited for, so that watching costs next to nothing. */
export function watchEnds(sql: postgres.Sql): Ended {
  const waiting = new Map<number, () => void>();
  let looking: Promise<void> | undefined;
  async function look(): Promise<void> {
    while (waiting.size > 0) {
      await sleep(LOOK_MS);
      const rows = await sql<{ code: string }[]>`
        select code from operations where code = any(${[...waiting.keys()]}) and ended_at is not null`;
      for (const row of rows) {
        const code = Number(row.code);
        waiting.get(code)?.();
        waiting.delete(code);
      }
    }
  }
  return (code) =>
    new Promise((resolve, reject) => {
      waiting.set(code, resolve);
      looking ??= look().finally(() => (looking = undefined));
      looking.catch(reject);
    });
}

/** What did not go straight: operations that failed, and those that needed a second attempt or a probe. */
export interface Trouble {
  readonly failed: number;
  readonly detours: number;
}

export async function readTrouble(sql: postgres.Sql): Promise<Trouble> {
  const [row] = await sql<Trouble[]>`
    select count(*) filter (where state <> 'succeeded')::int as failed,
      count(*) filter (where attempts > 1 or probes > 0)::int as detours
    from operations`;
  return { failed: row?.failed ?? 0, detours: row?.detours ?? 0 };
}
