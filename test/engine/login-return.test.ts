/** A log-in that succeeded while our own database went away. */
import { expect, it } from "vitest";
import { withinBudget } from "../../activities/logins.ts";
import { openDatabase } from "../../db/client.ts";
import { findPlugin } from "../../plugins/registry.ts";
import * as schema from "../../db/schema/index.ts";
import { standOnPostgres } from "./without-worker.ts";

const ground = standOnPostgres();

it("gives the caller what it opened, to be closed, and counts as one whose worker died", async () => {
  const { estate } = ground;
  const { db, close } = openDatabase(estate.surroundings.databaseUrl, { connections: 1 });
  const plugin = findPlugin("postgresql");
  if (!plugin) throw new Error("there is no plugin");
  const opened = withinBudget({ ...ground.deps(plugin), db }, { account: "host/one", forProbe: false }, async () => {
    await close();
    return "session";
  });
  expect(await opened).toBe("session");
  expect(await estate.db.select().from(schema.loginReservations)).toMatchObject([
    { account: "host/one", failed: null },
  ]);
});
