import { rmSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identify, isAlive } from "../engine/processes.ts";

/**
 * Makes sure that one Keyturn at a time is started in a folder.
 * @returns gives the folder free again
 * @throws Error that names the one that runs
 */
export async function lockFolder(state: string): Promise<() => Promise<void>> {
  const file = join(state, "run", "supervisor.json");
  await mkdir(join(state, "run"), { recursive: true });
  for (;;) {
    const mine = JSON.stringify(await identify());
    const isMine = await writeFile(file, mine, { flag: "wx", mode: 0o600 }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        return false;
      },
    );
    if (isMine) {
      // Also when the start is broken off.
      process.once("exit", () => rmSync(file, { force: true }));
      return () => rm(file, { force: true });
    }
    const holder = await holderOf(file);
    if (holder && (await isAlive(holder)))
      throw new Error(`Keyturn already runs in this folder (process ${holder.pid}). Stop it there with Ctrl-C.`);
    await rm(file, { force: true });
  }
}

async function holderOf(file: string): Promise<{ pid: number; started: string } | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    // Gone meanwhile, or its writer died while writing it.
    return undefined;
  }
}
