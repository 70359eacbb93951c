import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openOrchestrator } from "../../api/temporal.ts";
import { startApi, type RunningApi } from "../../api/server.ts";
import { readConfig } from "../../config/env.ts";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { LiveProgress, Operation } from "../../contracts/operations.schema.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { freePort, until } from "../../scripts/engine/ports.ts";
import { type PostgresTarget, startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";

type Details = Operation & { progress: LiveProgress | null };

let estate: Estate;
let target: PostgresTarget;
let api: RunningApi;
let token: string;
beforeAll(async () => {
  [estate, target] = await Promise.all([Estate.open({ heartbeatSeconds: 8 }), startPostgresTarget()]);
  await target.createRoles([{ name: "app", password: "first" }]);
  token = makeTokenValue();
  const roles = ["administrator", "custodian"] as const;
  await createToken(estate.db, { name: "live", owner: "Lea", roles: [...roles], value: token });
  const { databaseUrl, temporal, key } = estate.surroundings;
  api = await startApi(
    readConfig({
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      KEYTURN_KEY: key,
      KEYTURN_PORT: String(await freePort()),
      KEYTURN_LOG_LEVEL: "error",
    }),
  );
});
afterAll(async () => {
  await api.stop();
  await Promise.all([estate.close(), target.stop()]);
});

async function ask<T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as T };
}

/** A device and the role `app` on it, registered over HTTP. */
async function register(name: string, password: string): Promise<{ deviceId: string; id: string }> {
  const device = await ask<{ id: string }>("POST", "/v1/devices", {
    name,
    address: target.address,
    port: target.port,
    settings: { postgresql: { caCertificate: target.ca } },
  });
  expect(device.status).toBe(201);
  const credential = await ask<Credential>("POST", "/v1/credentials", {
    deviceId: device.body.id,
    plugin: "postgresql",
    username: "app",
    automaticChange: true,
    password,
  });
  expect(credential.status).toBe(201);
  return { deviceId: device.body.id, id: credential.body.id };
}

describe("the API with its worker", () => {
  test("without a worker a check is answered in the end, and readiness is about the engines", async () => {
    const { id } = await register("nobody-works", "first");
    const checked = await ask("POST", `/v1/credentials/${id}/check`);
    expect(checked).toMatchObject({ status: 503, body: { code: "service.unavailable" } });
    expect(await ask("GET", "/readyz")).toEqual({
      status: 200,
      body: { status: "ready", database: true, temporal: true },
    });
  });

  test("identifies, checks, changes with live progress, and reveals what now logs in", async () => {
    const { deviceId, id } = await register("server", "first");
    const worker = await TestWorker.start(estate.surroundings, ["applied"]);
    try {
      expect(await ask("POST", `/v1/devices/${deviceId}/identify`)).toMatchObject({
        status: 200,
        body: { seenIdentity: target.fingerprint, pinnedIdentity: null },
      });
      expect((await ask("POST", `/v1/credentials/${id}/check`)).body).toEqual({
        verdict: "accepted",
        code: "verify.accepted",
      });

      const asked = await ask<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
        credentialIds: [id],
      });
      const path = `/v1/operations/${asked.body.operations[0]?.code}`;
      await worker.reached("applied");
      let details: Details | undefined;
      // The heartbeat that names the step comes with the next beat.
      await until(
        async () => {
          details = (await ask<Details>("GET", path)).body;
          return details.progress?.heartbeat?.step === "apply" || details.progress?.heartbeat?.step === "verify";
        },
        { what: "a heartbeat that names the step", timeoutMs: 120_000 },
      );
      expect(details).toMatchObject({ state: "running", progress: { step: "changing", attempt: 1 } });
      // A list asks no longer than 300 ms: a busy machine may need another try.
      await until(
        async () => {
          const { body } = await ask<{ items: Details[] }>("GET", "/v1/operations?include=progress");
          return body.items[0]?.progress?.step === "changing";
        },
        { what: "progress in the list", timeoutMs: 120_000 },
      );
      expect(await ask("POST", `${path}/cancel`)).toMatchObject({ status: 409, body: { state: "running" } });
      worker.go();
      await until(async () => (await ask<Details>("GET", path)).body.state === "succeeded", {
        what: "the change",
        timeoutMs: 120_000,
      });
      const revealed = await ask<{ password: string }>("POST", `/v1/credentials/${id}/reveal`, { reason: "proof" });
      expect(revealed.body.password).not.toBe("first");
      expect((await ask("POST", `/v1/credentials/${id}/check`)).body).toMatchObject({ verdict: "accepted" });
    } finally {
      await worker.kill();
    }
  });
});

test("an orchestrator without Temporal answers and closes all the same", async () => {
  const away = openOrchestrator("127.0.0.1:9", "none");
  away.signal([{ code: 1, run: 1 }], "wake");
  expect(await away.progress({ code: 1, run: 1 })).toBeNull();
  expect(await away.answers()).toBe(false);
  away.signal([{ code: 1, run: 1 }], "runNow");
  await away.close();
});
