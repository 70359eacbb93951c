import { NAMESPACE } from "../../contracts/ids.ts";
import type { Instance } from "../engine/instance.ts";
import { ensureNamespace } from "../engine/namespace.ts";
import { startTemporal } from "../engine/temporal.ts";
import { databaseUrl, prepareDatabase, startDatabase } from "./database.ts";
import { Service } from "./service.ts";
import type { PortName, Ports } from "./settings.ts";

/** Engines that are not ours to start. */
export interface External {
  databaseUrl: string | undefined;
  temporalAddress: string | undefined;
  namespace: string | undefined;
}

export interface Engines {
  databaseUrl: string;
  temporalAddress: string;
  namespace: string;
}

export function externalOf(environment: Readonly<Record<string, string | undefined>>): External {
  return {
    databaseUrl: environment["DATABASE_URL"] || undefined,
    temporalAddress: environment["TEMPORAL_ADDRESS"] || undefined,
    namespace: environment["TEMPORAL_NAMESPACE"] || undefined,
  };
}

/** The ports that processes of ours will listen on. */
export function ownPorts(external: External): PortName[] {
  return [
    "port",
    ...(external.databaseUrl ? [] : (["database-port"] as const)),
    ...(external.temporalAddress ? [] : (["temporal-port", "temporal-ui-port"] as const)),
  ];
}

interface Starting {
  instance: Instance;
  ports: Ports;
  external: External;
  say: (line: string) => void;
  /** Started ones are added, in the opposite order of their stop. */
  services: Service[];
}

/** Starts what is not external, both at once. @throws the first error, after both have come to an end of their start */
export async function startEngines(starting: Starting): Promise<Engines> {
  const { external, services, ports, instance } = starting;
  const namespace = external.namespace ?? NAMESPACE;
  const temporalAddress = external.temporalAddress ?? `127.0.0.1:${ports["temporal-port"]}`;
  const own: Service[] = [];
  if (!external.databaseUrl) own.push(databaseService(starting));
  if (!external.temporalAddress) own.push(temporalService(starting));
  services.push(...own);
  const starts = await Promise.allSettled(own.map((service) => service.start()));
  for (const start of starts) if (start.status === "rejected") throw start.reason;
  await ensureNamespace(temporalAddress, namespace, { keep: external.temporalAddress !== undefined });
  return {
    databaseUrl: external.databaseUrl ?? (await databaseUrl(instance, ports["database-port"])),
    temporalAddress,
    namespace,
  };
}

function databaseService({ instance, ports, say }: Starting): Service {
  say("Starting PostgreSQL");
  const start = async () => {
    const server = await startDatabase(instance, ports["database-port"]);
    await prepareDatabase(instance, server);
    return server;
  };
  return new Service("database", start, say);
}

function temporalService({ instance, ports, say }: Starting): Service {
  say("Starting Temporal");
  const start = () =>
    startTemporal({
      name: "temporal",
      instance,
      port: ports["temporal-port"],
      uiPort: ports["temporal-ui-port"],
      progress: say,
    });
  return new Service("temporal", start, say);
}
