/** A running system for the tests of the command line: the api, a worker, and a PostgreSQL with TLS as the device. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type RunningApi, startApi } from "../../api/server.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { run } from "../../cli/program.ts";
import { testIo } from "../../cli/test-io.ts";
import { readConfig } from "../../config/env.ts";
import { makeCertificates } from "../../scripts/engine/certificates.ts";
import { freePort } from "../../scripts/engine/ports.ts";
import { type PostgresServer, startPostgres } from "../../scripts/engine/postgres.ts";
import { freshDatabase, type TestDatabase } from "../helpers/database.ts";
import { freshNamespace } from "../helpers/temporal.ts";
import { TestWorker } from "../helpers/worker.ts";

const KEYTURN = fileURLToPath(new URL("../../cli/keyturn.mjs", import.meta.url));

export interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

export class System {
  readonly administrator = `kt_${randomBytes(24).toString("base64url")}`;
  readonly certificates = makeCertificates();
  readonly database: TestDatabase;
  readonly #rootPassword = randomBytes(12).toString("hex");
  #api!: RunningApi;
  #worker!: TestWorker;
  #target!: PostgresServer;

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  static async start(): Promise<System> {
    const system = new System(await freshDatabase());
    const temporal = await freshNamespace();
    const key = randomBytes(32).toString("base64");
    const databaseUrl = system.database.url;
    [system.#api, system.#worker, system.#target] = await Promise.all([
      startApi(
        readConfig({
          DATABASE_URL: databaseUrl,
          TEMPORAL_ADDRESS: temporal.address,
          TEMPORAL_NAMESPACE: temporal.namespace,
          KEYTURN_PORT: String(await freePort()),
          KEYTURN_KEY: key,
          KEYTURN_BOOTSTRAP_TOKEN: system.administrator,
          KEYTURN_LOG_LEVEL: "error",
        }),
      ),
      TestWorker.start({ databaseUrl, temporal, key }),
      startPostgres({
        name: `test-${randomUUID()}`,
        password: system.#rootPassword,
        tls: system.certificates,
        scratch: true,
      }),
    ]);
    return system;
  }

  get url(): string {
    return this.#api.url;
  }

  get targetPort(): number {
    return this.#target.port;
  }

  async stop(): Promise<void> {
    await this.#worker.stop();
    await this.#api.stop();
    await this.#target.stop();
    await this.database.drop();
  }

  /** Runs the command as a person's shell would. */
  async keyturn(args: readonly string[], input = "", token = this.administrator): Promise<Ran> {
    const child = spawn(process.execPath, [KEYTURN, ...args], {
      env: { ...process.env, KEYTURN_URL: this.url, KEYTURN_TOKEN: token },
    });
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.stdin.end(input);
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { exitCode: await exited, output, errors };
  }

  /** The same within this process: a second sooner. */
  async run(args: readonly string[], input = "", token = this.administrator): Promise<Ran> {
    const io = testIo({ typed: input, token });
    const exitCode = await run(["--url", this.url, ...args], io);
    return { exitCode, ...io.written() };
  }

  /** @throws Error with what it said when it does not succeed */
  async good(args: readonly string[], input = "", token = this.administrator): Promise<Ran> {
    return mustSucceed(args, await this.run(args, input, token));
  }

  async keyturnJson<Answer>(args: readonly string[], input = "", token = this.administrator): Promise<Answer> {
    const ran = mustSucceed(args, await this.keyturn(["-o", "json", ...args], input, token));
    return JSON.parse(ran.output) as Answer;
  }

  async logIn(user: string, password: string): Promise<pg.Client> {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: this.targetPort,
      user,
      password,
      database: "postgres",
      ssl: { ca: this.certificates.ca },
    });
    await client.connect();
    return client;
  }

  async addRole(name: string, password: string): Promise<void> {
    const root = await this.logIn("postgres", this.#rootPassword);
    await root.query(`create role ${pg.escapeIdentifier(name)} login password ${pg.escapeLiteral(password)}`);
    await root.end();
  }
}

function mustSucceed(args: readonly string[], ran: Ran): Ran {
  if (ran.exitCode !== EXIT.ok) throw new Error(`${args.join(" ")} ended with ${ran.exitCode}: ${ran.errors}`);
  return ran;
}
