/**
 * No password leaves the two places it may be in: sealed in the database, and on its way to the device. Real changes
 * are made, with and without success, and everything that anybody could read afterwards is searched for every
 * password that was ever used.
 */
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { describeOnSshd } from "../helpers/ssh.ts";
import { findLeaks } from "./find-leaks.ts";
import { PLANTS } from "./plants.ts";
import { playScene, type Scene } from "./scene.ts";
import type { Sink } from "./sinks.ts";

describeOnSshd("canary", ["openssh-server", "sudo"], () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await playScene();
    return scene.close;
  });

  const sinkOf = (name: string): Sink => {
    const sink = scene.sinks.find((each) => each.name === name);
    if (!sink) throw new Error(`no sink is ${name}`);
    return sink;
  };

  test("the story is what it should be: changes with and without success, on both kinds of device", () => {
    const outcomes = Object.fromEntries(Object.entries(scene.ends).map(([name, { outcome }]) => [name, outcome]));
    const changed = null;
    expect(outcomes, JSON.stringify(scene.ends, undefined, 1)).toEqual({
      pgowner: changed,
      pgother: changed,
      pgadmin: changed,
      pgstalled: changed,
      pgcut: changed,
      pgwrong: "auth.rejected",
      sshowner: changed,
      sshother: changed,
      sshadmin: changed,
      sshcut: changed,
      sshwrong: "auth.rejected",
      sshstrict: "change.refused",
      echo: "change.refused",
    });
  });

  test("what is searched holds what it should: new passwords, heartbeats, short processes, device words", async () => {
    const generated = (await scene.canaries()).filter(({ name }) => name.includes(" version "));
    // Each account's first password, and at least one generated for each change that was staged.
    expect(generated.length).toBeGreaterThanOrEqual(2 * Object.keys(scene.estate).length);
    // Only yes or no: the texts are long, and hold what must not be printed if a leak is found.
    const holds = async (name: string, wanted: RegExp) =>
      expect((await sinkOf(name).collect()).some(({ text }) => wanted.test(text)) && name).toBe(name);
    expect(scene.live.some(({ text }) => text.includes('{"step":"precheck"'))).toBe(true);
    await holds("process arguments", / passwd|chpasswd/);
    await holds("the database", /BAD PASSWORD: \[secret\]/);
    await holds("the log of database", /insert into "secret_versions"/);
    await holds("the log of the PostgreSQL device", /ALTER ROLE "pgowner" PASSWORD 'SCRAM-SHA-256/);
    await holds("HTTP answers", /request\.invalid/);
  });

  test("no sink holds a password in any form", async () => {
    const canaries = await scene.canaries();
    const leaks: string[] = findLeaks(scene.live, canaries);
    for (const sink of scene.sinks) leaks.push(...findLeaks(await sink.collect(), canaries));
    expect(leaks).toEqual([]);
  });

  describe("a planted leak is found", () => {
    test("every sink has a plant", () => {
      expect(new Set(PLANTS.map(({ sink }) => sink))).toEqual(new Set(scene.sinks.map(({ name }) => name)));
    });

    test.each(PLANTS)("in $sink: $how", async ({ sink, leak }) => {
      const canary = { name: "the planted password", value: `Plant${randomBytes(12).toString("hex")}"\\'/<&%+=?` };
      const leaks = async () => findLeaks(await sinkOf(sink).collect(), [canary]);
      expect(await leaks()).toEqual([]);
      let found: string[] = [];
      await leak(scene, canary.value, async () => {
        found = await leaks();
      });
      expect(found).not.toEqual([]);
    });
  });
});
