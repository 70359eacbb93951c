/** A running Keyturn whose templates are those that came with it: changes are asked for over HTTP, as a person does. */
import { expect } from "vitest";
import { type RunningApi, startApi } from "../../api/server.ts";
import { Client } from "../../cli/client.ts";
import { readConfig } from "../../config/env.ts";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { Device, DeviceInput } from "../../contracts/devices.schema.ts";
import type { ChangesAccepted } from "../../contracts/operations.schema.ts";
import type { Template } from "../../contracts/templates.schema.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { freePort } from "../../scripts/engine/ports.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { libraryFile } from "./files.ts";

/** As many as the servers are asked to do at once. */
const AT_ONCE = 10;

interface Account {
  readonly username: string;
  readonly password: string;
}

export interface Proof {
  /** `PLUGIN/KIND/NAME.txt`; or a plugin's kind, where that knows by itself what to do. */
  readonly way: string;
  readonly device: Omit<DeviceInput, "name">;
  /** Of every account. */
  readonly additionalInfo?: string;
  /** Who logs in to change others; without it each account changes its own password. */
  readonly administrator?: Account;
  readonly accounts: readonly Account[];
  /** A fresh log-in, independent of the plugin. */
  logsIn(username: string, password: string): Promise<boolean>;
}

export class Ground {
  readonly estate: Estate;
  readonly #api: RunningApi;
  readonly #worker: TestWorker;
  readonly #client: Client;
  #devices = 0;

  private constructor(estate: Estate, running: { api: RunningApi; worker: TestWorker; token: string }) {
    this.estate = estate;
    this.#api = running.api;
    this.#worker = running.worker;
    this.#client = new Client(running.api.url, running.token);
  }

  static async open(): Promise<Ground> {
    // The machine of a test is slow; a hanging device is the matter of other tests.
    const estate = await Estate.open({ connectTimeoutSeconds: 60, readTimeoutSeconds: 60, leaseSeconds: 60 });
    const token = makeTokenValue();
    // Before the API starts: it makes an administrator, and a file of its token, where there is none.
    await createToken(estate.db, { name: "Ada", owner: "Ada", roles: ["administrator", "operator"], value: token });
    const api = await openApi(estate);
    return new Ground(estate, { api, worker: await TestWorker.start(estate.surroundings), token });
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await this.#api.stop();
    await this.estate.close();
  }

  /** Asks for a change of each at once. */
  request(credentialIds: readonly string[]): Promise<ChangesAccepted> {
    return this.#client.post<ChangesAccepted>("v1/password-changes", { credentialIds });
  }

  /** Makes the device, its accounts and who logs in there. @returns ids of the accounts' credentials, in their order */
  async register({ way, device, administrator, accounts, additionalInfo = "" }: Proof): Promise<string[]> {
    const template = way.includes("/") ? await this.#template(way) : undefined;
    const name = `device-${++this.#devices}`;
    const { id: deviceId } = await this.#client.post<Device>("v1/devices", { name, permits: AT_ONCE, ...device });
    const common = { deviceId, plugin: template?.plugin ?? way, templateId: template?.id ?? null };
    const add = (credential: object) => this.#client.post<Credential>("v1/credentials", { ...common, ...credential });
    const execution = administrator
      ? { useOwnCredential: false, authenticationCredentialId: (await add(administrator)).id }
      : { useOwnCredential: true };
    const made = accounts.map((account) => add({ ...account, ...execution, additionalInfo, automaticChange: true }));
    return (await Promise.all(made)).map(({ id }) => id);
  }

  /** The template as it came with Keyturn. */
  async #template(path: string): Promise<Template> {
    const { plugin, kind, name } = await libraryFile(path);
    const { items } = await this.#client.get<{ items: Template[] }>("v1/templates", {
      plugin: plugin.kind,
      kind,
      name,
      limit: 200,
    });
    const found = items.find((each) => each.name === name && each.shipped);
    if (!found) throw new Error(`${path} is not among the templates`);
    return found;
  }
}

/** Changes the password of every account at once, and proves each by a log-in with the new one and with the old one. */
export async function prove(ground: Ground, proof: Proof): Promise<void> {
  const ids = await ground.register(proof);
  const { operations, refused } = await ground.request(ids);
  expect(refused).toEqual([]);
  await Promise.all(operations.map(({ code }) => succeeded(ground.estate, proof, code)));
  for (const [index, { username, password }] of proof.accounts.entries()) {
    const next = await ground.estate.currentPassword(ids[index] ?? "");
    expect(next).not.toBe(password);
    expect(await proof.logsIn(username, next), `${username}, new`).toBe(true);
    expect(await proof.logsIn(username, password), `${username}, old`).toBe(false);
  }
}

/** It succeeds at the first attempt, which names the template's version. */
async function succeeded(estate: Estate, { way }: Proof, code: number): Promise<void> {
  const row = await estate.until(code, ["succeeded", "error"], 240_000);
  const attempts = await estate.attempts(code);
  const said = JSON.stringify(attempts);
  expect(row.state, said).toBe("succeeded");
  const versions = attempts.map(({ templateVersion }) => templateVersion);
  expect(versions, said).toEqual([way.includes("/") ? 1 : null]);
}

/** So many accounts with names and passwords of their own. */
export function accountsNamed(prefix: string, count = AT_ONCE): Account[] {
  return Array.from({ length: count }, (_, index) => ({
    username: `${prefix}${index + 1}`,
    password: `Old-Passw0rd-${index + 1}x`,
  }));
}

function openApi({ surroundings }: Estate): Promise<RunningApi> {
  const { databaseUrl, temporal, key } = surroundings;
  return freePort().then((port) =>
    startApi(
      readConfig({
        DATABASE_URL: databaseUrl,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: temporal.namespace,
        KEYTURN_KEY: key,
        KEYTURN_PORT: String(port),
        KEYTURN_LOG_LEVEL: "error",
      }),
    ),
  );
}
