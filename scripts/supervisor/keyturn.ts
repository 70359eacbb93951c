import { existsSync } from "node:fs";
import { join } from "node:path";
import { migrate } from "../../db/migrate.ts";
import { openInstance, type Instance } from "../engine/instance.ts";
import { endOrphans } from "../engine/processes.ts";
import { externalOf, ownPorts, startEngines, type External } from "./engines.ts";
import { lockFolder } from "./lock.ts";
import { startApi, startWorker } from "./own-processes.ts";
import { Service } from "./service.ts";
import { refuseTakenPorts, type Ports } from "./settings.ts";

export interface KeyturnOptions {
  ports: Ports;
  /** Where it keeps its state; `.keyturn` in the checkout unless a test says otherwise. */
  state?: string;
  /** The environment whose DATABASE_URL and TEMPORAL_ADDRESS, if set, replace the embedded engines. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Told what goes on, in words for a person. */
  say: (line: string) => void;
}

export type ProcessName = "api" | "worker" | "temporal" | "database";

/** A Keyturn that runs on this machine, all its processes kept alive. */
export interface Keyturn {
  readonly instance: Instance;
  /** Of the API, without a slash at the end. */
  readonly url: string;
  readonly docsUrl: string;
  /** Undefined with an external Temporal. */
  readonly temporalUiUrl: string | undefined;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Holds the token of the first administrator. */
  readonly adminTokenFile: string;
  /** This start made that token. */
  readonly isTokenNew: boolean;
  /** Undefined for one that is external, or between its end and its next start. */
  pid(name: ProcessName): number | undefined;
  /** Ends all in order: api, worker (changes under way may finish), Temporal, database. */
  stop(): Promise<void>;
  /** Kills the worker instead of waiting for it: durable state makes that safe. */
  hurry(): void;
}

/**
 * Starts PostgreSQL, Temporal, worker and api, and returns when requests are served.
 * @throws Error with a sentence for a person; then nothing is left running
 */
export async function startKeyturn(options: KeyturnOptions): Promise<Keyturn> {
  const instance = await openInstance(options.state);
  const unlock = await lockFolder(instance.state);
  const services: Service[] = [];
  const stop = async () => {
    for (const service of services.toReversed()) await service.stop();
    await unlock();
  };
  try {
    return await startAll({ ...options, instance, services, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Starting extends KeyturnOptions {
  instance: Instance;
  services: Service[];
  stop: () => Promise<void>;
}

async function startAll({ instance, ports, environment, say, services, stop }: Starting): Promise<Keyturn> {
  const stale = await endOrphans(instance.state);
  if (stale > 0) say(`Ended ${stale} processes that an earlier start had left`);
  const external: External = externalOf(environment);
  await refuseTakenPorts(ports, ownPorts(external));
  const engines = await startEngines({ instance, ports, external, say, services });
  say("Bringing the database to this version's schema");
  await migrate(engines.databaseUrl);
  const host = environment["KEYTURN_HOST"] || "127.0.0.1";
  const url = `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${ports.port}`;
  const adminTokenFile = environment["KEYTURN_ADMIN_TOKEN_FILE"] || join(instance.state, "admin-token");
  const own = {
    instance,
    engines,
    url,
    environment: {
      KEYTURN_KEY_FILE: environment["KEYTURN_KEY_FILE"] || join(instance.state, "key"),
      KEYTURN_ADMIN_TOKEN_FILE: adminTokenFile,
      KEYTURN_PORT: String(ports.port),
      DATABASE_URL: engines.databaseUrl,
      TEMPORAL_ADDRESS: engines.temporalAddress,
      TEMPORAL_NAMESPACE: engines.namespace,
    },
  };
  const isTokenNew = !existsSync(adminTokenFile);
  say("Starting worker and API");
  // One after the other: at the very first start only one of them makes the key.
  for (const service of [new Service("worker", startWorker(own, say), say), new Service("api", startApi(own), say)]) {
    services.push(service);
    await service.start();
  }
  return {
    instance,
    url,
    docsUrl: `${url}/docs`,
    temporalUiUrl: external.temporalAddress ? undefined : `http://127.0.0.1:${ports["temporal-ui-port"]}`,
    databaseUrl: engines.databaseUrl,
    temporalAddress: engines.temporalAddress,
    adminTokenFile,
    isTokenNew,
    pid: (name) => services.find((service) => service.name === name)?.pid,
    stop,
    hurry: () => services.find((service) => service.name === "worker")?.abandon(),
  };
}
