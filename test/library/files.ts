/** The templates that come with Keyturn, as files. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OperationKind } from "../../contracts/states.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { CHECKOUT } from "../../scripts/engine/instance.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { guessFromPath } from "../../templates/language/template-file.ts";

const LIBRARY = join(CHECKOUT, "templates", "library");

export interface LibraryFile {
  /** `PLUGIN/KIND/NAME.txt`. */
  readonly path: string;
  readonly body: string;
  readonly name: string;
  readonly plugin: Plugin;
  readonly kind: OperationKind;
}

/** All of them, read as `keyturn template check` reads them. @throws Error when a path does not say what it is for */
export async function libraryFiles(): Promise<LibraryFile[]> {
  const paths = await readdir(LIBRARY, { recursive: true });
  return Promise.all(
    paths
      .filter((path) => path.endsWith(".txt"))
      .toSorted()
      .map(libraryFile),
  );
}

/** One of them, by its path. */
export async function libraryFile(path: string): Promise<LibraryFile> {
  const { plugin: named, kind, name } = guessFromPath(path, dialects());
  const plugin = PLUGINS.find((one) => one.kind === named);
  if (!plugin || !kind) throw new Error(`${path} names no plugin with templates, or no kind`);
  return { path, body: await readFile(join(LIBRARY, path), "utf8"), name, plugin, kind };
}

function dialects(): Record<string, Dialect> {
  return Object.fromEntries(PLUGINS.flatMap(({ kind, language }) => (language ? [[kind, language]] : [])));
}
