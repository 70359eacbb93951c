import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "../cli/client.ts";
import { freePort } from "../scripts/engine/ports.ts";
import { startTemporal } from "../scripts/engine/temporal.ts";
import { startApi } from "../scripts/supervisor/own-processes.ts";
import { NAMESPACE } from "../contracts/ids.ts";
import type { ListDatabase } from "./list-database.ts";
import type { Mix } from "./list-mixes.ts";
import { timed } from "./list-reads.ts";
import { endLater } from "./stack.ts";
import { type Spread, spread } from "./stats.ts";

/** First pages of mixes through the API's own process, one at a time. */
export async function measureHttp(
  { instance, url: databaseUrl }: ListDatabase,
  mixes: readonly Mix[],
  cleanup: AsyncDisposableStack,
): Promise<Spread> {
  const temporal = await endLater(
    cleanup,
    startTemporal({ name: "temporal", instance, scratch: true, progress: () => {} }),
    (started) => started.stop(),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const tokenFile = join(instance.state, "admin-token");
  const start = startApi({
    instance,
    engines: { databaseUrl, temporalAddress: temporal.address, namespace: NAMESPACE },
    url,
    environment: {
      KEYTURN_KEY_FILE: join(instance.state, "key"),
      KEYTURN_ADMIN_TOKEN_FILE: tokenFile,
      KEYTURN_PORT: String(port),
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporal.address,
    },
  });
  await endLater(cleanup, start(), (running) => running.stop());
  const api = new Client(url, (await readFile(tokenFile, "utf8")).trim());
  const times: number[] = [];
  for (const { filter, sort } of mixes)
    times.push(await timed(() => api.get(`v1/operations?${toQuery({ ...filter, sort })}`)));
  return spread(times);
}

function toQuery(query: object): string {
  const pairs = Object.entries(query).flatMap(([name, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value]).map((each: unknown): [string, string] => [
      name,
      each instanceof Date ? each.toISOString() : String(each),
    ]),
  );
  return new URLSearchParams(pairs).toString();
}
