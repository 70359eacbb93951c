import { execFile, spawn } from "node:child_process";
import { access, constants, copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The pinned version of Temporal's command line program, which contains its dev server. */
export const TEMPORAL_VERSION = "1.5.1";

/** Told what is going on, in words for a person. */
export type Progress = (line: string) => void;

/**
 * Finds the Temporal CLI: on PATH, in our cache, by the SDK's own download, by `go install` of the pinned version.
 * @returns path of the program
 * @throws Error that says what to install when none of these works
 */
export async function temporalCli(progress: Progress): Promise<string> {
  return (await onPath()) ?? (await cached()) ?? (await downloaded(progress)) ?? (await built(progress));
}

function cacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "keyturn", `temporal-${TEMPORAL_VERSION}`);
}

/** One on PATH counts when its dev server knows the options we need. */
async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    const file = join(folder, "temporal");
    if (!(await isProgram(file))) continue;
    const help = await run(file, ["server", "start-dev", "--help"]).catch(() => undefined);
    if (help?.stdout.includes("--sqlite-pragma")) return file;
  }
  return undefined;
}

async function cached(): Promise<string | undefined> {
  const file = join(cacheFolder(), "temporal");
  return (await isProgram(file)) ? file : undefined;
}

async function downloaded(progress: Progress): Promise<string | undefined> {
  return intoCache(async (draft) => {
    progress(`fetching Temporal ${TEMPORAL_VERSION} by the SDK's download`);
    const script = fileURLToPath(new URL("./temporal-download.ts", import.meta.url));
    // The download has no time limit of its own; without internet it must not hold the start up.
    await run(process.execPath, [script, draft, TEMPORAL_VERSION], { timeout: 120_000, killSignal: "SIGKILL" });
    const [name] = await readdir(draft);
    return name ? join(draft, name) : undefined;
  });
}

async function built(progress: Progress): Promise<string> {
  const path = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`;
  let reason: unknown;
  const file = await intoCache(async (draft) => {
    progress(`no download here: building Temporal ${TEMPORAL_VERSION} with Go (once; some minutes)`);
    await goInstall(path, draft, progress).catch((error: unknown) => {
      reason = error;
      throw error;
    });
    return join(draft, "temporal");
  });
  if (file) return file;
  throw new Error(
    `Keyturn needs Temporal: install its command line program (${TEMPORAL_VERSION}) or Go, or set TEMPORAL_ADDRESS.`,
    { cause: reason },
  );
}

async function goInstall(path: string, target: string, progress: Progress): Promise<void> {
  const started = Date.now();
  const ticker = setInterval(() => {
    progress(`still building Temporal: ${Math.round((Date.now() - started) / 1000)} s`);
  }, 15_000);
  try {
    const env = { ...process.env, GOBIN: target, HOME: homedir() };
    const child = spawn("go", ["install", path], { env, stdio: ["ignore", "ignore", "pipe"] });
    process.once("exit", () => child.kill());
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-4000)));
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`go install failed: ${complaint}`))));
    });
  } finally {
    clearInterval(ticker);
  }
}

/** Lets `make` put the program into a draft folder, and moves it to the cache when it is there. */
async function intoCache(make: (draft: string) => Promise<string | undefined>): Promise<string | undefined> {
  const target = cacheFolder();
  await mkdir(target, { recursive: true });
  const draft = await mkdtemp(join(target, "draft-"));
  try {
    const file = await make(draft).catch(() => undefined);
    if (!file || !(await isProgram(file))) return undefined;
    await rename(file, join(target, "temporal")).catch(() => copyFile(file, join(target, "temporal")));
    return join(target, "temporal");
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
