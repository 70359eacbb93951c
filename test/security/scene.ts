import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { NAMESPACE } from "../../contracts/ids.ts";
import { newId } from "../../db/new-id.ts";
import { changes, ended, type Seen } from "./changes.ts";
import { type Estate, register } from "./estate.ts";
import type { Canary, Found } from "./find-leaks.ts";
import { temporalTexts } from "./histories.ts";
import { ProcessWatch } from "./process-watch.ts";
import { type Product, startProduct } from "./product.ts";
import { makeMistakes, useEverything } from "./requests.ts";
import { databaseDump, files, folder, type Sink } from "./sinks.ts";
import { startTargets, type Targets } from "./targets.ts";
import { Web } from "./web.ts";

/** Symbols that every encoding writes in another way. */
const AWKWARD = {
  minLength: 24,
  maxLength: 24,
  lowercase: 2,
  uppercase: 2,
  digits: 2,
  symbols: 6,
  symbolSet: "\"\\'/<&%+=?",
  repeatedNeighbours: false,
};

/** Trouble that is over in seconds. */
const QUICK = {
  attempts: 10,
  intervalMinutes: 0,
  heartbeatSeconds: 2,
  leaseSeconds: 5,
  probeSeconds: 1,
  // Keeps the retries of a cut connection from being over before the cut is noticed.
  breakerSeconds: 1,
  connectTimeoutSeconds: 5,
  readTimeoutSeconds: 5,
};

/** A Keyturn that has changed passwords on real devices, with and without success, and all places to search. */
export interface Scene {
  readonly product: Product;
  readonly targets: Targets;
  readonly web: Web;
  readonly estate: Estate;
  /** How the change of each account ended. */
  readonly ends: Readonly<Record<string, Seen>>;
  /** What Temporal showed while a change was under way. */
  readonly live: readonly Found[];
  /** Everything that must stand nowhere. */
  canaries(): Promise<Canary[]>;
  readonly sinks: readonly Sink[];
  close(): Promise<void>;
}

/** Starts everything and plays the whole story. */
export async function playScene(): Promise<Scene> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const product = await startProduct();
    closers.push(() => product.stop());
    const targets = await startTargets();
    closers.push(() => targets.stop());
    const watch = await ProcessWatch.start();
    closers.push(() => watch.stop());
    return { ...(await play(product, targets, watch)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function play(product: Product, targets: Targets, watch: ProcessWatch): Promise<Omit<Scene, "close">> {
  const web = new Web(product.url, product.token);
  const strengthId = newId();
  await product.sql`insert into strengths (id, name, rules) values (${strengthId}, 'awkward', ${product.sql.json(AWKWARD)})`;
  const { headers } = await web.ask("GET", "/v1/settings");
  await web.get("PATCH", "/v1/settings", { body: QUICK, headers: { "if-match": headers.get("etag") ?? "" } });
  const [wrong, again, mistaken] = ["Wrong", "Again", "Mistaken"].map(
    (word) => `${word}"\\'/<&%+=?${randomBytes(12).toString("hex")}`,
  ) as [string, string, string];
  const estate = await register(web, targets, { strengthId, wrong });
  const temporal = { address: product.temporalAddress, namespace: NAMESPACE };
  const { ends, live } = await changes({ web, estate, targets, look: () => temporalTexts(temporal) });
  await act(web, estate);
  await useEverything(web, estate, again);
  await makeMistakes(web, estate, mistaken);
  return {
    product,
    targets,
    web,
    estate,
    ends,
    live,
    canaries: async () => [
      ...(await product.passwords()),
      ...product.keys,
      ...Object.entries(targets.passwords).map(([name, value]) => ({ name: `${name}'s first password`, value })),
      { name: "a wrong password", value: wrong },
      { name: "a password stored later", value: again },
      { name: "a password in a wrong field", value: mistaken },
    ],
    sinks: sinksOf({ product, targets, watch, web, temporal }),
  };
}

/** The actions on operations that wait: the first is canceled, the second is made at once. */
async function act(web: Web, estate: Estate): Promise<void> {
  for (const actions of [["restart", "cancel", "run-now"], ["run-now"]]) {
    const { operations } = await web.get<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: [estate["pgowner"]], scheduledFor: new Date(Date.now() + 86_400_000).toISOString() },
    });
    const code = operations[0]?.code ?? 0;
    for (const action of actions) await web.ask("POST", `/v1/operations/${code}/${action}`, { body: {} });
    await ended(web, code);
  }
}

interface Places {
  readonly product: Product;
  readonly targets: Targets;
  readonly watch: ProcessWatch;
  readonly web: Web;
  readonly temporal: { readonly address: string; readonly namespace: string };
}

function sinksOf({ product, targets, watch, web, temporal }: Places): Sink[] {
  const { state } = product;
  const log = (name: string) => ({
    name: `the log of ${name}`,
    collect: () => files([join(state, "logs", `${name}.log`)]),
  });
  return [
    log("worker"),
    log("api"),
    log("temporal"),
    log("database"),
    log("terminal"),
    { name: "the log of the PostgreSQL device", collect: () => files([targets.postgres.log]) },
    { name: "the logs of the SSH devices", collect: () => sshLogs([targets.sshd, targets.strict]) },
    { name: "Temporal's answers", collect: () => temporalTexts(temporal) },
    { name: "Temporal's files", collect: () => folder(join(state, "temporal")) },
    { name: "the database", collect: () => databaseDump(product.sql) },
    {
      name: "process arguments",
      collect: async () => [{ where: "arguments of a process", text: (await watch.look()).join("\n") }],
    },
    { name: "HTTP answers", collect: () => Promise.resolve(web.answers) },
  ];
}

async function sshLogs(servers: readonly Targets["sshd"][]): Promise<Found[]> {
  return Promise.all(
    servers.map(async (server) => ({ where: `sshd at port ${server.port}`, text: await server.log("sshd.log") })),
  );
}
