import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import postgres from "postgres";
import { migrate } from "../../db/migrate.ts";
import { openInstance } from "../../scripts/engine/instance.ts";
import { startPostgres } from "../../scripts/engine/postgres.ts";
import { endOrphans } from "../../scripts/engine/processes.ts";
import { startTemporal } from "../../scripts/engine/temporal.ts";
import { workflowBundle } from "../../scripts/workflow-bundle.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The run's PostgreSQL, as superuser. */
    postgresUrl: string;
    /** host:port of the run's Temporal server. */
    temporalAddress: string;
  }
}

/** Database that {@link freshDatabase} clones. */
const TEMPLATE = "keyturn_template";

/** One PostgreSQL with a migrated template, one Temporal server and the workflows' bundle for all tests of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Before the tests, whose processes would each make it on their own at the same moment.
  await workflowBundle();
  const instance = await openInstance();
  await endOrphans(instance.state);
  const run = `test-${randomBytes(4).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  const database = await startPostgres({
    name: `${run}-postgres`,
    instance,
    password,
    scratch: true,
    settings: { max_connections: 400 },
  });
  const temporal = await startTemporal({
    name: `${run}-temporal`,
    instance,
    scratch: true,
    progress: console.log,
  }).catch(async (error: unknown) => {
    await database.stop();
    throw error;
  });
  const admin = postgres(database.url(), { max: 1 });
  await admin`create database ${admin(TEMPLATE)}`;
  await admin.end();
  await migrate(database.url(TEMPLATE));
  project.provide("postgresUrl", database.url());
  project.provide("temporalAddress", temporal.address);
  return async () => {
    await Promise.all([database.stop(), temporal.stop()]);
    await Promise.all([database.log, temporal.log].map((log) => rm(log, { force: true })));
  };
}
