/** A PostgreSQL server whose roles' passwords are changed: by the demo, the bench and the tests. */
import { createHash, randomBytes, randomUUID, X509Certificate } from "node:crypto";
import pg from "pg";
import { scramVerifier } from "../../plugins/postgresql/scram.ts";
import { type Certificates, makeCertificates } from "../engine/certificates.ts";
import { type PostgresServer, startPostgres } from "../engine/postgres.ts";

const HOST = "127.0.0.1";
const ADMINISTRATOR = "postgres";

export interface PostgresTargetOptions {
  /** With a name its data stays for the next start, which then needs the same password and certificates. */
  readonly keep?: { readonly name: string; readonly password: string; readonly certificates: Certificates };
  readonly port?: number;
  /** Whole lines of pg_hba.conf; SCRAM over TLS for all when absent. */
  readonly hba?: readonly string[];
  /** Further settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface TargetRole {
  readonly name: string;
  readonly password: string;
  /** Options of CREATE ROLE beside LOGIN, for instance `CREATEROLE`. */
  readonly options?: string;
}

export interface PostgresTarget {
  readonly address: string;
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** `SHA256:…` of the server's certificate. */
  readonly fingerprint: string;
  /** PEM of the authority: the plugin's setting `caCertificate`. */
  readonly ca: string;
  readonly administrator: { readonly username: string; readonly password: string };
  /** Its log file: everything it is told is logged there (`log_statement = all`). */
  readonly log: string;
  /** Makes roles that can log in; one that is there gets this password. */
  createRoles(roles: readonly TargetRole[]): Promise<void>;
  /** Runs statements as the administrator. */
  run(sql: string): Promise<Record<string, unknown>[]>;
  /** SIGKILL, as a crash would do. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port, after {@link kill}. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const SCRAM_OVER_TLS = [`hostssl all all ${HOST}/32 scram-sha-256`];

/**
 * Starts an embedded PostgreSQL 18 on loopback with TLS of a generated authority and SCRAM only.
 * @throws Error with the log's name when it does not come up
 */
export async function startPostgresTarget(options: PostgresTargetOptions = {}): Promise<PostgresTarget> {
  const certificates = options.keep?.certificates ?? makeCertificates();
  const password = options.keep?.password ?? randomBytes(18).toString("base64url");
  const name = options.keep?.name ?? `target-${randomUUID()}`;
  const launch = (port?: number): Promise<PostgresServer> =>
    startPostgres({
      name,
      password,
      superuser: ADMINISTRATOR,
      hba: options.hba ?? SCRAM_OVER_TLS,
      tls: { key: certificates.key, cert: certificates.cert },
      settings: { log_statement: "all", ...options.settings },
      scratch: !options.keep,
      ...(port === undefined ? {} : { port }),
    });
  let server = await launch(options.port);
  const { port } = server;

  async function run(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({
      host: HOST,
      port,
      user: ADMINISTRATOR,
      password,
      database: "postgres",
      ssl: { ca: certificates.ca },
    });
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(sql);
      return result.rows;
    } finally {
      await client.end();
    }
  }

  return {
    address: HOST,
    port,
    get pid() {
      return server.pid;
    },
    fingerprint: fingerprintOf(certificates.cert),
    ca: certificates.ca,
    administrator: { username: ADMINISTRATOR, password },
    log: server.log,
    createRoles: async (roles) => {
      // One message: a thousand roles are one round trip.
      const statements = await Promise.all(roles.map(createRole));
      await run(statements.join(";\n"));
    },
    run,
    kill: () => server.kill(),
    start: async () => {
      server = await launch(port);
    },
    stop: () => server.stop(),
  };
}

/** With a verifier: the server's log is searched for clear text by tests. */
async function createRole({ name, password, options = "" }: TargetRole): Promise<string> {
  const verifier = await scramVerifier(password);
  const role = pg.escapeIdentifier(name);
  return `DO $make$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${pg.escapeLiteral(name)}) THEN CREATE ROLE ${role}; END IF;
  END $make$;
  ALTER ROLE ${role} LOGIN ${options} PASSWORD ${pg.escapeLiteral(verifier)}`;
}

function fingerprintOf(pem: string): string {
  const digest = createHash("sha256").update(new X509Certificate(pem).raw).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}
