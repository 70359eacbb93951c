/** A change whose password never arrived: told as not applied, unless old passwords linger on that device. */
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { change } from "../../activities/change.ts";
import { probe } from "../../activities/probe.ts";
import { type Plugin, PluginFailure } from "../../plugins/plugin.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { postgresqlThat, running, standOnPostgres } from "./without-worker.ts";

const HOUR_MS = 3_600_000;

const ground = standOnPostgres();

/** What it sends is lost; and old passwords linger where the device's settings say so. */
function losing(lingerMs: NonNullable<Plugin["lingerMs"]>): Plugin {
  const plugin = postgresqlThat(async (_change, _call, pointOfNoReturn) => {
    await pointOfNoReturn();
    throw new PluginFailure("target.connection-lost");
  });
  return { ...plugin, lingerMs };
}

async function lookInto(plugin: Plugin) {
  const { estate, target } = ground;
  const deps = ground.deps(plugin);
  const { credentialId } = await addAccount(estate, target, await addTarget(estate, target));
  const [code = 0] = await estate.request(credentialId);
  expect(await change(deps, { code, run: 1 }, running)).toMatchObject({ kind: "in-doubt" });
  await estate.db.execute(sql`update attempts set lease_until = now() - interval '1 hour'`);
  return probe(deps, { code, run: 1 }, running);
}

it("is not applied where the old password stops at once", async () => {
  expect(await lookInto(losing(() => 0))).toMatchObject({ kind: "failed", code: "change.not-applied" });
});

it("stays in doubt where it does not, as that device's own settings say", async () => {
  const asked: unknown[] = [];
  const plugin = losing((settings) => {
    asked.push(settings);
    return HOUR_MS;
  });
  expect(await lookInto(plugin)).toMatchObject({ kind: "undecided" });
  expect(asked).toContainEqual(expect.objectContaining({ tls: expect.any(String) as string }));
});
