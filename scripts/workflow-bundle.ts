import { createHash, randomUUID } from "node:crypto";
import { glob, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT, STATE } from "./engine/instance.ts";

interface BundleOptions {
  /** Folder of the running Keyturn. */
  state?: string;
  /** Told when there is something to bundle. */
  say?: (line: string) => void;
}

/**
 * Bundles the workflows for Temporal's isolate, once per content: a worker that gets the file starts a second earlier.
 * @returns path of the bundle, for KEYTURN_WORKFLOW_BUNDLE
 */
export async function workflowBundle({ state = STATE, say }: BundleOptions = {}): Promise<string> {
  const folder = join(state, "bundles");
  const file = join(folder, `workflows-${await contentHash()}.js`);
  if (await stat(file).catch(() => undefined)) return file;
  say?.("Bundling the workflows");
  // Only now: the bundler is a large import.
  const { bundleWorkflowCode } = await import("@temporalio/worker");
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(CHECKOUT, "workflows/index.ts"),
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  await mkdir(folder, { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, code);
  await rename(draft, file);
  return file;
}

/** Of everything that can be in the bundle: our two folders, and the installed packages by their lockfile. */
async function contentHash(): Promise<string> {
  const hash = createHash("sha256");
  const files: string[] = [];
  for await (const file of glob("{workflows,contracts}/**/*.ts", { cwd: CHECKOUT })) files.push(file);
  for (const file of [...files.toSorted(), "package-lock.json"])
    hash
      .update(file)
      .update("\0")
      .update(await readFile(join(CHECKOUT, file)));
  return hash.digest("hex").slice(0, 16);
}
