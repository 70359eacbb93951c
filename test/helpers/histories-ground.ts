/** The servers that histories are recorded on, and one scene on them per recording: all real, no clock but the real one. */
import { randomUUID } from "node:crypto";
import { Client as TemporalClient, Connection } from "@temporalio/client";
import postgres from "postgres";
import { startApi } from "../../api/server.ts";
import { Client } from "../../cli/client.ts";
import { readConfig } from "../../config/env.ts";
import type { Role } from "../../contracts/roles.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { migrate } from "../../db/migrate.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { openInstance } from "../../scripts/engine/instance.ts";
import { ensureNamespace } from "../../scripts/engine/namespace.ts";
import { freePort } from "../../scripts/engine/ports.ts";
import { type PostgresServer, startPostgres } from "../../scripts/engine/postgres.ts";
import { endOrphans } from "../../scripts/engine/processes.ts";
import { startTemporal, type TemporalServer } from "../../scripts/engine/temporal.ts";
import { type PostgresTarget, startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { Estate } from "./estate.ts";
import { CANARY } from "./histories.ts";
import { Scene } from "./histories-scene.ts";

const TEMPLATE = "keyturn_template";

/** From so many events on the second server tells workflows to begin anew; servers as they come say so after 4,096. */
const EVENTS_BEFORE_ANEW = 20;

export class Ground {
  readonly #database: PostgresServer;
  readonly #temporal: TemporalServer;
  /** A server that wants short histories. */
  readonly #impatient: TemporalServer;
  readonly #target: PostgresTarget;

  private constructor(servers: [PostgresServer, TemporalServer, TemporalServer, PostgresTarget]) {
    [this.#database, this.#temporal, this.#impatient, this.#target] = servers;
  }

  static async open(): Promise<Ground> {
    await endOrphans((await openInstance()).state);
    const run = `histories-${randomUUID()}`;
    const servers = await Promise.all([
      startPostgres({
        name: `${run}-postgres`,
        password: randomUUID(),
        scratch: true,
        settings: { max_connections: 300 },
      }),
      startTemporal({ name: `${run}-temporal`, scratch: true }),
      startTemporal({
        name: `${run}-impatient`,
        scratch: true,
        dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${EVENTS_BEFORE_ANEW}`],
      }),
      startPostgresTarget(),
    ]);
    const ground = new Ground(servers);
    await ground.#administer((sql) => sql`create database ${sql(TEMPLATE)}`);
    await migrate(servers[0].url(TEMPLATE));
    return ground;
  }

  async close(): Promise<void> {
    await Promise.all([this.#database.stop(), this.#temporal.stop(), this.#impatient.stop(), this.#target.stop()]);
  }

  /** Runs `use` on a database and a namespace of its own. */
  async withScene<T>(
    options: { settings: Partial<Settings>; impatient: boolean },
    use: (scene: Scene) => Promise<T>,
  ): Promise<T> {
    const name = `h_${randomUUID().replaceAll("-", "")}`;
    await this.#administer((sql) => sql`create database ${sql(name)} template ${sql(TEMPLATE)}`);
    const { address } = options.impatient ? this.#impatient : this.#temporal;
    const namespace = randomUUID();
    await ensureNamespace(address, namespace);
    const estate = await Estate.open(
      { loginFailures: 20, ...options.settings },
      { databaseUrl: this.#database.url(name), temporal: { address, namespace } },
    );
    // Before the API starts: it makes an administrator, and a file of its token, where there is none.
    const tokens = await makeTokens(estate);
    const api = await startApi(
      readConfig({
        DATABASE_URL: estate.surroundings.databaseUrl,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        KEYTURN_KEY: estate.surroundings.key,
        KEYTURN_PORT: String(await freePort()),
        KEYTURN_LOG_LEVEL: "error",
      }),
    );
    const connection = await Connection.connect({ address });
    const scene = new Scene({
      estate,
      target: this.#target,
      temporal: new TemporalClient({ connection, namespace }),
      persons: {
        operator: new Client(api.url, tokens.operator),
        approver: new Client(api.url, tokens.approver),
        second: new Client(api.url, tokens.second),
      },
    });
    try {
      return await use(scene);
    } finally {
      await scene.close();
      await api.stop();
      await connection.close();
      await estate.close();
    }
  }

  async #administer(statement: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
    const sql = postgres(this.#database.url(), { max: 1 });
    try {
      await statement(sql);
    } finally {
      await sql.end();
    }
  }
}

async function makeTokens({ db }: Estate) {
  const token = async (owner: string, role: Role) => {
    const value = makeTokenValue();
    await createToken(db, { name: owner, owner, roles: [role], value });
    return value;
  };
  return {
    operator: await token(`${CANARY}-operator`, "administrator"),
    approver: await token(`${CANARY}-approver`, "approver"),
    second: await token(`${CANARY}-second-approver`, "approver"),
  };
}
