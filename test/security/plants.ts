import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { NAMESPACE } from "../../contracts/ids.ts";
import { newId } from "../../db/new-id.ts";
import { leakByHeartbeat } from "./leaky-activity.ts";
import type { Scene } from "./scene.ts";

/** Puts a secret where it must not be, the way it would get there; `look` runs while it is there. */
export interface Plant {
  readonly sink: string;
  readonly how: string;
  leak(scene: Scene, secret: string, look: () => Promise<void>): Promise<void>;
}

const inLog = (name: string): Plant => ({
  sink: `the log of ${name}`,
  how: "a process that inherited the log prints it",
  async leak({ product }, secret, look) {
    const log = openSync(join(product.state, "logs", `${name}.log`), "a");
    const child = spawn("cat", { stdio: ["pipe", log, log] });
    closeSync(log);
    child.stdin?.end(`${JSON.stringify({ level: 50, msg: "connection failed", err: { password: secret } })}\n`);
    await once(child, "exit");
    await look();
  },
});

/** Starts a workflow of nobody's, and hands it to `use`. */
async function withTemporal(scene: Scene, use: (client: Client) => Promise<void>): Promise<void> {
  const connection = await Connection.connect({ address: scene.product.temporalAddress });
  try {
    await use(new Client({ connection, namespace: NAMESPACE }));
  } finally {
    await connection.close();
  }
}

const inWorkflow = (sink: string): Plant => ({
  sink,
  how: "it is the argument of a workflow",
  leak: (scene, secret, look) =>
    withTemporal(scene, async (client) => {
      const options = { workflowId: `leak-${newId()}`, taskQueue: "nobody", args: [{ login: { password: secret } }] };
      await client.workflow.start("leak", options);
      await look();
    }),
});

const inDatabase = (how: string, statement: (scene: Scene, secret: string) => PromiseLike<unknown>): Plant => ({
  sink: "the database",
  how,
  async leak(scene, secret, look) {
    await statement(scene, secret);
    await look();
  },
});

export const PLANTS: readonly Plant[] = [
  inLog("worker"),
  inLog("api"),
  inLog("temporal"),
  inLog("terminal"),
  {
    sink: "the log of database",
    how: "it is the parameter of a statement",
    async leak({ product }, secret, look) {
      await product.sql`select ${secret}::text`;
      await look();
    },
  },
  {
    sink: "the log of the PostgreSQL device",
    how: "the password is changed in clear text",
    async leak({ targets }, secret, look) {
      await targets.postgres.run(`alter role pgowner password ${pg.escapeLiteral(secret)}`);
      await look();
    },
  },
  {
    sink: "the logs of the SSH devices",
    how: "it is sent as the user's name",
    async leak({ targets }, secret, look) {
      const { Client: Ssh } = await import("ssh2");
      const ssh = new Ssh();
      const failed = once(ssh, "error");
      ssh.connect({ host: targets.sshd.address, port: targets.sshd.port, username: secret, password: "x" });
      await failed.catch(() => undefined);
      await look();
    },
  },
  inWorkflow("Temporal's answers"),
  {
    sink: "Temporal's answers",
    how: "it is in the heartbeat of a running activity",
    leak: (scene, secret, look) => withTemporal(scene, (client) => leakByHeartbeat(client, secret, look)),
  },
  inWorkflow("Temporal's files"),
  inDatabase(
    "an audit row tells it",
    ({ product: { sql } }, secret) => sql`
      insert into audit (actor, action, object_type, object_id, details)
      values ('worker', 'operation.failed', 'operation', '1', ${sql.json({ said: { by: [secret] } })})`,
  ),
  inDatabase(
    "an attempt's transcript tells it in base64",
    ({ product: { sql } }, secret) =>
      sql`update attempts set transcript = ${`< ${Buffer.from(`x${secret}`).toString("base64")}`}`,
  ),
  inDatabase(
    "a sealed column holds it unsealed",
    ({ product: { sql } }, secret) => sql`update secret_versions set sealed = ${Buffer.from(secret)} where version = 1`,
  ),
  {
    sink: "process arguments",
    how: "it is the argument of a child",
    async leak(_scene, secret, look) {
      const child = spawn("sh", ["-c", "read line; exit", "sh", secret], { stdio: ["pipe", "ignore", "ignore"] });
      await once(child, "spawn");
      await look();
      child.stdin?.end();
      await once(child, "exit");
    },
  },
  {
    sink: "HTTP answers",
    how: "an answer holds it",
    async leak({ web, estate }, secret, look) {
      const id = estate["echo"];
      const { headers } = await web.ask("GET", `/v1/credentials/${id}`);
      const edit = { body: { notes: secret }, headers: { "if-match": headers.get("etag") ?? "" } };
      await web.get("PATCH", `/v1/credentials/${id}`, edit);
      await look();
    },
  },
];
