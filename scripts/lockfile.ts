/**
 * Some package sources do not list all builds of a package for other platforms, and npm then drops those from the
 * lockfile; `npm ci` elsewhere fails with "Missing … from lock file". This adds the missing entries; with --check it
 * only says so. It also refuses addresses ("resolved"), which would tie the lockfile to one package source.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT } from "./engine/instance.ts";

interface Entry {
  version?: string;
  resolved?: string;
  integrity?: string;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  optionalDependencies?: Record<string, string>;
}

/** The part of package-lock.json that is read here. */
export interface Lockfile {
  packages: Record<string, Entry>;
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

/** What is wrong with a lockfile, in sentences. */
export function lockfileProblems(lock: Lockfile): string[] {
  const addresses = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  return [
    ...addresses.map(([path]) => `${path} names the address it came from ("resolved").`),
    ...missingEntries(lock).map(({ path }) => `${path} is missing.`),
  ];
}

/** The same lockfile with nothing to complain about. */
export function completeLockfile(lock: Lockfile): Lockfile {
  const kept = Object.entries(lock.packages).map(([path, entry]) => [path, withoutAddress(entry)] as const);
  const added = missingEntries(lock).map(({ path, entry }) => [path, entry] as const);
  const packages = [...kept, ...added].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...lock, packages: Object.fromEntries(packages) };
}

function withoutAddress(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => name !== "resolved"));
}

function missingEntries(lock: Lockfile): { path: string; entry: Entry }[] {
  const found = new Map<string, Entry>();
  for (const [parent, { optionalDependencies }] of Object.entries(lock.packages))
    for (const [name, version] of Object.entries(optionalDependencies ?? {}))
      // Only a pinned version can be filled in; a range is npm's to resolve.
      if (/^\d/.test(version) && !isReachable(lock, parent, name))
        found.set(`node_modules/${name}`, { version, optional: true, ...platformOf(name) });
  return [...found].map(([path, entry]) => ({ path, entry }));
}

/** As Node looks for a package: in the folder of the one that wants it, then in each folder above. */
function isReachable(lock: Lockfile, parent: string, name: string): boolean {
  const folders = [...parent.matchAll(/(?:^|\/)node_modules\//g)].map(({ index }) => parent.slice(0, index));
  return [parent, ...folders, ""].some((folder) => lock.packages[join(folder, "node_modules", name)] !== undefined);
}

function platformOf(name: string): Pick<Entry, "os" | "cpu"> {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}) };
}

if (import.meta.main) {
  const file = join(CHECKOUT, "package-lock.json");
  const lock = JSON.parse(await readFile(file, "utf8")) as Lockfile;
  const problems = lockfileProblems(lock);
  if (process.argv.includes("--check")) {
    for (const problem of problems) console.error(`package-lock.json: ${problem}`);
    if (problems.length > 0) console.error("Run: npm run lockfile");
    process.exitCode = problems.length > 0 ? 1 : 0;
  } else if (problems.length > 0) {
    await writeFile(file, `${JSON.stringify(completeLockfile(lock), null, 2)}\n`);
    console.log(`package-lock.json: ${problems.length} entries mended`);
  }
}
