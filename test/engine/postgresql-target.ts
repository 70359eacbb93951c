import { randomBytes } from "node:crypto";
import pg from "pg";
import { startPostgresTarget } from "../../scripts/targets/postgres.ts";
import type { MatrixTarget } from "./matrix-target.ts";

interface PostgresMatrixTarget extends MatrixTarget {
  /** SIGKILL, as a crash would do. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A PostgreSQL server of its own whose roles change their own password, or have it changed by the administrator. */
export async function openPostgresTarget(through: "own" | "administrator"): Promise<PostgresMatrixTarget> {
  const server = await startPostgresTarget();
  const logsIn = async (username: string, password: string): Promise<boolean> => {
    const client = new pg.Client({
      host: server.address,
      port: server.port,
      user: username,
      password,
      database: "postgres",
      ssl: { ca: server.ca },
    });
    try {
      await client.connect();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "28P01") return false;
      throw error;
    } finally {
      await client.end().catch(() => {});
    }
  };
  let count = 0;
  return {
    plugin: "postgresql",
    address: server.address,
    port: server.port,
    ...(through === "administrator" ? { administrator: server.administrator } : {}),
    addDevice: (estate, port = server.port) =>
      estate.addDevice({
        address: server.address,
        port,
        settings: { postgresql: { caCertificate: server.ca } },
        permits: 30,
      }),
    makeAccounts: async (wanted) => {
      const made = Array.from({ length: wanted }, () => ({
        username: `matrix${++count}`,
        password: `Old-${randomBytes(8).toString("hex")}`,
      }));
      await server.createRoles(made.map(({ username: name, password }) => ({ name, password })));
      return made;
    },
    setPassword: (username, password) => server.createRoles([{ name: username, password }]),
    logsIn,
    kill: () => server.kill(),
    start: () => server.start(),
    close: () => server.stop(),
  };
}
