/** Everything that sequences run on: all of it real, all of it of this test's own, all of it can be killed. */
import { randomBytes, randomUUID } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { type RunningApi, startApi } from "../../../api/server.ts";
import { wakeOperation } from "../../../activities/starts.ts";
import { readConfig } from "../../../config/env.ts";
import { NAMESPACE, REPAIR_SCHEDULE } from "../../../contracts/ids.ts";
import { migrate } from "../../../db/migrate.ts";
import { newId } from "../../../db/new-id.ts";
import * as schema from "../../../db/schema/index.ts";
import { ensureNamespace } from "../../../scripts/engine/namespace.ts";
import { freePort } from "../../../scripts/engine/ports.ts";
import { type PostgresServer, startPostgres } from "../../../scripts/engine/postgres.ts";
import { startTemporal, type TemporalServer } from "../../../scripts/engine/temporal.ts";
import { type PostgresTarget, startPostgresTarget } from "../../../scripts/targets/postgres.ts";
import { type CuttingProxy, startCuttingProxy } from "../../helpers/cutting-proxy.ts";
import { type DelayingProxy, startDelayingProxy } from "../../../bench/delaying-proxy.ts";
import { Estate } from "../../helpers/estate.ts";
import { TestWorker } from "../../helpers/worker.ts";
import { RULES, type Rule, type Sequence } from "./commands.ts";
import { TELLING } from "./device-log.ts";
import { askers, makeTokens, type Persons } from "./persons.ts";

/** Settings under which everything that takes its time takes seconds. */
const SETTINGS = {
  leaseSeconds: 3,
  probes: 3,
  loginFailures: 20,
  loginWindowMinutes: 1,
  connectTimeoutSeconds: 3,
  readTimeoutSeconds: 3,
} as const;

/** So slow is the way through the proxy that failures find changes under way. */
const ROUND_TRIP_MS = 120;

/** A credential of a sequence, and the account behind it. */
export interface Subject {
  readonly credentialId: string;
  readonly deviceId: string;
  readonly username: string;
  readonly password: string;
}

export class Grounds {
  readonly estate: Estate;
  readonly target: PostgresTarget;
  /** A slow way to the target, which can be cut. */
  readonly proxy: CuttingProxy;
  readonly persons: Persons;
  readonly closedPort: number;
  readonly #workers: Workers;
  readonly #slow: DelayingProxy;
  readonly #policies: Policies;
  readonly #temporalOptions: { name: string; scratch: true };
  #temporal: TemporalServer;
  readonly #api: RunningApi;
  readonly #database: PostgresServer;
  readonly #connection: Connection;
  readonly #client: Client;

  private constructor(parts: Parts) {
    this.estate = parts.estate;
    this.target = parts.target;
    this.proxy = parts.proxy;
    this.persons = parts.persons;
    this.closedPort = parts.closedPort;
    this.#workers = parts.workers;
    this.#slow = parts.slow;
    this.#policies = parts.policies;
    this.#temporalOptions = parts.temporalOptions;
    this.#temporal = parts.temporal;
    this.#api = parts.api;
    this.#database = parts.database;
    this.#connection = Connection.lazy({ address: parts.temporal.address });
    this.#client = new Client({ connection: this.#connection, namespace: NAMESPACE });
  }

  static async open(): Promise<Grounds> {
    const temporalOptions = { name: `life-${randomUUID()}`, scratch: true } as const;
    const [target, database, temporal] = await Promise.all([
      startPostgresTarget({ settings: { ...TELLING, max_connections: 300 } }),
      // The moment of every commit is what answers are compared with.
      startPostgres({
        name: `life-own-${randomUUID()}`,
        password: randomUUID(),
        scratch: true,
        settings: { track_commit_timestamp: "on", max_connections: 200 },
      }),
      startTemporal(temporalOptions),
    ]);
    const slow = await startDelayingProxy(target.port, ROUND_TRIP_MS);
    const [proxy, closedPort] = await Promise.all([startCuttingProxy(slow.port), freePort()]);
    await Promise.all([migrate(database.url()), ensureNamespace(temporal.address, NAMESPACE)]);
    const on = { databaseUrl: database.url(), temporal: { address: temporal.address, namespace: NAMESPACE } };
    const estate = await Estate.open(SETTINGS, on);
    const tokens = await makeTokens(estate.db);
    const workers: Workers = [TestWorker.start(estate.surroundings), TestWorker.start(estate.surroundings)];
    const [api] = await Promise.all([openApi(estate), ...workers]);
    const persons = askers(api.url, tokens);
    const policies = await addPolicies(estate);
    return new Grounds({
      estate,
      target,
      proxy,
      persons,
      closedPort,
      workers,
      slow,
      policies,
      temporalOptions,
      temporal,
      api,
      database,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => (await worker).kill()));
    await this.#api.stop();
    await this.#connection.close();
    await this.estate.close();
    await this.proxy.stop();
    await Promise.all([this.#slow.close(), this.#database.stop(), this.#temporal.stop(), this.target.stop()]);
  }

  /** Two neighbours share a device, which takes one change at a time. */
  async addSubjects(sequences: readonly Sequence[]): Promise<Subject[]> {
    const { estate, target } = this;
    const administratorDevice = await this.#addDevice();
    const administratorId = await estate.addCredential({
      deviceId: administratorDevice,
      plugin: "postgresql",
      ...target.administrator,
    });
    const subjects: Subject[] = [];
    for (const [index, { rule, through }] of sequences.entries()) {
      const deviceId = index % 2 === 0 ? await this.#addDevice() : (subjects.at(-1)?.deviceId ?? "");
      const account = { username: `life${index}`, password: `Old-${randomBytes(8).toString("hex")}` };
      const credentialId = await estate.addCredential({
        ...account,
        deviceId,
        plugin: "postgresql",
        tags: [rule],
        policyId: this.#policies[rule] ?? null,
        useOwnCredential: through === "own",
        authenticationCredentialId: administratorId,
      });
      subjects.push({ credentialId, deviceId, ...account });
    }
    await target.createRoles(subjects.map(({ username: name, password }) => ({ name, password })));
    return subjects;
  }

  #addDevice(): Promise<string> {
    const { address, ca } = this.target;
    const settings = { postgresql: { caCertificate: ca } };
    return this.estate.addDevice({ address, port: this.proxy.port, settings, permits: 1 });
  }

  /** The worker at this place, when it works. */
  worker(place: 0 | 1): Promise<TestWorker> {
    return this.#workers[place];
  }

  /** Ends a worker; another one takes its place in a while. */
  async replaceWorker(place: 0 | 1, how: "kill" | "stop"): Promise<void> {
    const worker = await this.#workers[place];
    await worker[how]();
    this.#workers[place] = TestWorker.start(this.estate.surroundings);
    // Who needs it is told when it does not start.
    this.#workers[place].catch(() => {});
  }

  /** Kills the Temporal server and starts it again on its file. */
  async restartTemporal(downMs: number): Promise<void> {
    const { port } = this.#temporal;
    // A worker that finds no Temporal at its start gives up.
    await Promise.all(this.#workers);
    await this.#temporal.kill();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    this.#temporal = await startTemporal({ ...this.#temporalOptions, port });
  }

  /** Runs the repair sweep at once; nothing comes of it while Temporal is away. */
  async sweep(): Promise<void> {
    await this.#client.schedule
      .getHandle(REPAIR_SCHEDULE)
      .trigger()
      .catch(() => {});
  }

  /** Tells a run to read its row again; it is lost while Temporal is away. */
  async wake(code: number): Promise<void> {
    const { run } = await this.estate.operation(code);
    await wakeOperation(this.#client, { code, run }).catch(() => {});
  }

  /** A real, fresh log-in. */
  async logsIn(user: string, password: string): Promise<boolean> {
    const { address: host, port, ca } = this.target;
    const client = new pg.Client({ host, port, user, password, database: "postgres", ssl: { ca } });
    try {
      await client.connect();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "28P01") return false;
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

type Workers = [Promise<TestWorker>, Promise<TestWorker>];

interface Parts {
  readonly estate: Estate;
  readonly target: PostgresTarget;
  readonly proxy: CuttingProxy;
  readonly persons: Persons;
  readonly closedPort: number;
  readonly workers: Workers;
  readonly slow: DelayingProxy;
  readonly policies: Policies;
  readonly temporalOptions: { name: string; scratch: true };
  readonly temporal: TemporalServer;
  readonly api: RunningApi;
  readonly database: PostgresServer;
}

async function openApi({ surroundings }: Estate): Promise<RunningApi> {
  return startApi(
    readConfig({
      DATABASE_URL: surroundings.databaseUrl,
      TEMPORAL_ADDRESS: surroundings.temporal.address,
      TEMPORAL_NAMESPACE: surroundings.temporal.namespace,
      KEYTURN_KEY: surroundings.key,
      KEYTURN_PORT: String(await freePort()),
      KEYTURN_LOG_LEVEL: "error",
    }),
  );
}

type Policies = Readonly<Partial<Record<Rule, string>>>;

/** One policy a rule; a credential's tag leads to it. */
async function addPolicies({ db }: Estate): Promise<Policies> {
  const ids: Partial<Record<Rule, string>> = {};
  for (const [name, approval] of Object.entries(RULES)) {
    if (!approval) continue;
    const id = newId();
    const rule = { levels: approval.levels.map((level) => ({ ...level, approvers: [...level.approvers] })) };
    await db.insert(schema.policies).values({
      id,
      name,
      criteria: { credentialTags: [name] },
      approval: { ...rule, expiresMinutes: approval.expiresMinutes },
    });
    ids[name as Rule] = id;
  }
  return ids;
}
