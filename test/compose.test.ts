import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { VARIABLES } from "../config/env.ts";
import { WORKER_STOP_MS } from "../contracts/change-limit.ts";
import { CHECKOUT } from "../scripts/engine/instance.ts";

interface Service {
  image: string;
  build?: string;
  restart: string;
  environment?: Record<string, string>;
  command?: string[];
  entrypoint?: string[];
  volumes?: string[];
  secrets?: string[];
  networks: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const text = readFileSync(join(CHECKOUT, "docker-compose.yml"), "utf8");
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const own = services.filter(([, service]) => service.build);
const inCheckout = (path: string) => existsSync(join(CHECKOUT, path));

/** These files and all of ours that they import, by any way. */
function importedBy(entries: readonly string[]): Set<string> {
  const found = new Set(entries);
  for (const file of found)
    for (const [, path = ""] of readFileSync(join(CHECKOUT, file), "utf8").matchAll(/(?:from|import\() ?"(\.[^"]+)"/g))
      found.add(join(dirname(file), path));
  return found;
}

/** What the vendors' pages list for their images. */
const VENDORS: Record<string, readonly string[]> = {
  postgres: ["POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"],
  "temporalio/server":
    "DB DB_PORT POSTGRES_SEEDS POSTGRES_USER DBNAME VISIBILITY_DBNAME NUM_HISTORY_SHARDS BIND_ON_IP DYNAMIC_CONFIG_FILE_PATH".split(
      " ",
    ),
  "temporalio/ui": ["TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE"],
};

test("a worker that is stopped has the time that a change may take", () => {
  expect(compose.services["worker"]?.stop_grace_period).toBe(`${WORKER_STOP_MS / 1000}s`);
});

test("all parts of the design are there", () => {
  const names = services.map(([name]) => name);
  for (const part of ["postgres", "temporal-schema", "temporal", "temporal-ui", "prepare", "worker", "api"])
    expect(names).toContain(part);
});

describe.for(services)("%s", ([name, service]) => {
  test("has a version, and tells whether it is well", () => {
    expect(service.image).toMatch(/:\d/);
    const isOneShot = services.some(
      ([, other]) => other.depends_on?.[name]?.condition === "service_completed_successfully",
    );
    expect(Boolean(service.healthcheck) || isOneShot).toBe(true);
    expect(service.restart).toBe(isOneShot ? "on-failure:5" : "unless-stopped");
  });

  test("waits only for what exists and can be waited for", () => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services).toHaveProperty(other);
      if (condition === "service_healthy") expect(compose.services[other]?.healthcheck).toBeDefined();
    }
  });

  test("mounts what exists", () => {
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      if (source.startsWith(".")) expect(inCheckout(source), source).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
    for (const network of service.networks) expect(compose.networks).toHaveProperty(network);
  });

  test("runs and reads files that are in its container", () => {
    const words = [service.command, service.entrypoint, service.healthcheck?.test].flatMap((part) => part ?? []);
    const mounted = (service.volumes ?? []).map((volume) => volume.split(":")[1]);
    const given = Object.values(service.environment ?? {}).map(String);
    for (const word of [...words, ...given]) {
      if (word.endsWith(".ts")) expect(inCheckout(word), word).toBe(true);
      if (word.startsWith("/deploy/")) expect(mounted).toContain(word);
      for (const [, secret] of word.matchAll(/\/run\/secrets\/([a-z-]+)/g)) expect(service.secrets).toContain(secret);
    }
  });

  test("knows only documented variables, and none holds a secret", () => {
    const known = service.build
      ? VARIABLES.map((variable) => variable.name)
      : (VENDORS[service.image.split(":")[0] ?? ""] ?? []);
    for (const variable of Object.keys(service.environment ?? {})) expect(known, variable).toContain(variable);
    for (const [variable, given] of Object.entries(service.environment ?? {}))
      if (/PASSWORD|PWD|SECRET|TOKEN|_KEY$|DATABASE_URL/.test(variable)) expect(given).toMatch(/^\/run\/secrets\//);
  });

  test("is open to this machine only", () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

test("nothing comes from the shell that calls compose", () => {
  expect(text.replaceAll("$$", "")).not.toContain("$");
});

test("the mounted scripts read secrets their service has", async () => {
  for (const [, service] of services)
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      if (!source.startsWith(".")) continue;
      const script = await readFile(join(CHECKOUT, source), "utf8");
      for (const [, secret] of script.matchAll(/\/run\/secrets\/([a-z-]+)/g)) expect(service.secrets).toContain(secret);
    }
});

test("make-secrets.sh makes every secret once, in a folder that is closed to others", async () => {
  const folder = join(await mkdtemp(join(tmpdir(), "keyturn-secrets-")), "secrets");
  const make = () => execFileSync("sh", [join(CHECKOUT, "deploy/make-secrets.sh"), folder]);
  make();
  const wanted = Object.values(compose.secrets).map(({ file }) => file.replace("./deploy/secrets/", ""));
  expect((await readdir(folder)).toSorted()).toEqual(wanted.toSorted());
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  const read = () => Promise.all(wanted.map((name) => readFile(join(folder, name), "utf8")));
  const first = await read();
  expect(new Set(first).size).toBe(wanted.length);
  for (const secret of first) expect(secret).toMatch(/[0-9a-f]{48}/);
  make();
  expect(await read()).toEqual(first);
  await rm(join(folder, ".."), { recursive: true });
});

describe("the Dockerfile", async () => {
  const dockerfile = await readFile(join(CHECKOUT, "Dockerfile"), "utf8");
  const copied = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources = ""]) => sources.split(" "));

  test("copies what exists, and all that its commands import", () => {
    for (const source of copied) expect(inCheckout(source), source).toBe(true);
    const started = own.flatMap(([, { command }]) => command ?? []);
    expect(started.toSorted()).toEqual(["api/server.ts", "scripts/prepare.ts", "worker.ts"]);
    for (const file of importedBy(["workflows/index.ts", "scripts/healthy.ts", ...started]))
      expect(
        copied.some((source) => file === source || file.startsWith(source)),
        file,
      ).toBe(true);
  });

  test("sets only documented variables", () => {
    const names = VARIABLES.map(({ name }) => name);
    for (const [, name] of dockerfile.matchAll(/(KEYTURN_\w+)=/g)) expect(names).toContain(name);
  });
});
