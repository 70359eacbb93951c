import { z } from "zod";
import { answers } from "../engine/ports.ts";

const port = z.coerce.number().int().min(1).max(65_535);

/** Each port, its variable (also a flag: --port, --database-port, …), and what listens there. */
export const PORTS = {
  port: { variable: "KEYTURN_PORT", usual: 8420, what: "the API" },
  "database-port": { variable: "KEYTURN_DATABASE_PORT", usual: 8421, what: "PostgreSQL" },
  "temporal-port": { variable: "KEYTURN_TEMPORAL_PORT", usual: 7233, what: "Temporal" },
  "temporal-ui-port": { variable: "KEYTURN_TEMPORAL_UI_PORT", usual: 8233, what: "Temporal's web UI" },
} as const;

export type PortName = keyof typeof PORTS;
export type Ports = Readonly<Record<PortName, number>>;

/** The ports as flags, for `parseArgs`. */
export const FLAGS = {
  port: { type: "string" },
  "database-port": { type: "string" },
  "temporal-port": { type: "string" },
  "temporal-ui-port": { type: "string" },
} as const satisfies Record<PortName, { type: "string" }>;

/**
 * The ports: by flag, else by variable, else the usual ones.
 * @param flags as `parseArgs` read them
 * @throws Error that names flag, variable and rule
 */
export function readPorts(
  flags: Readonly<Partial<Record<PortName, string>>>,
  environment: Readonly<Record<string, string | undefined>>,
): Ports {
  const names = Object.keys(PORTS) as PortName[];
  const ports = names.map((name) => {
    const { variable, usual } = PORTS[name];
    const parsed = port.safeParse(flags[name] ?? (environment[variable] || usual));
    if (parsed.success) return [name, parsed.data];
    throw new Error(`--${name} (${variable}) must be a port number from 1 to 65535.`);
  });
  return Object.fromEntries(ports) as Ports;
}

/** @throws Error with one sentence for the first of `names` whose port somebody else listens on */
export async function refuseTakenPorts(ports: Ports, names: readonly PortName[]): Promise<void> {
  for (const name of names)
    if (await answers(ports[name]))
      throw new Error(
        `Port ${ports[name]} for ${PORTS[name].what} is taken by another program: set --${name} or ${PORTS[name].variable} to a free one.`,
      );
}
