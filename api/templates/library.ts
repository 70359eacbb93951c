import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Database } from "../../db/client.ts";
import { type ShippedTemplate, storeShipped } from "../../db/queries/shipped-templates.ts";
import type { PluginInfo } from "../deps.ts";
import { checkFiles } from "./check-files.ts";

const LIBRARY = fileURLToPath(new URL("../../templates/library/", import.meta.url));

/**
 * Stores the templates that come with this Keyturn, each in a file `PLUGIN/KIND/NAME.txt`.
 * @returns the files that were left out because they cannot be run, which a test of ours rules out for the library
 */
export async function loadLibrary(
  db: Database,
  plugins: readonly PluginInfo[],
  folder: string = LIBRARY,
): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of glob("*/*/*.txt", { cwd: folder })) paths.push(path);
  const files = await Promise.all(
    paths.toSorted().map(async (path) => ({ path, body: await readFile(join(folder, path), "utf8") })),
  );
  const checked = checkFiles(plugins, { files }, Infinity);
  const shipped = checked.flatMap(({ name, plugin, kind, verdict }, index): ShippedTemplate[] => {
    const body = files[index]?.body;
    return verdict === "refused" || plugin === null || kind === null || body === undefined
      ? []
      : [{ name, plugin, kind, body }];
  });
  await storeShipped(db, shipped);
  return checked.filter(({ verdict }) => verdict === "refused").map(({ path }) => path);
}
