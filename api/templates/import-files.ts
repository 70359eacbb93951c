import { longestWaitSeconds } from "../../contracts/change-limit.ts";
import type { ImportedFile, TemplateFiles, TemplateImport } from "../../contracts/templates.schema.ts";
import type { Transaction } from "../../db/client.ts";
import { type Actor, auditObject } from "../../db/queries/audit.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { createTemplate, editTemplate, findTemplate } from "../../db/queries/templates.ts";
import type { PluginInfo } from "../deps.ts";
import { checkFiles, type NamedFile, refusal } from "./check-files.ts";

interface Importing {
  readonly plugins: readonly PluginInfo[];
  readonly actor: Actor;
  readonly dryRun: boolean;
}

/**
 * Makes a template of each file that is not refused: a new one, or a new version of the active one that has its name,
 * plugin and kind already. The same text changes nothing, so the same files can be imported again.
 */
export async function importFiles(tx: Transaction, given: TemplateFiles, how: Importing): Promise<TemplateImport> {
  const longestSeconds = longestWaitSeconds(await readSettings(tx));
  const items: ImportedFile[] = [];
  const seen = new Set<string>();
  for (const [index, file] of checkFiles(how.plugins, given, longestSeconds).entries()) {
    const key = JSON.stringify([file.plugin, file.kind, file.name.toLowerCase()]);
    const twice = file.verdict !== "refused" && seen.has(key);
    seen.add(key);
    const body = given.files[index]?.body ?? "";
    // One transaction has one connection: one after the other.
    items.push(twice ? refuse(file, TWICE) : await importFile(tx, { file, body }, how));
  }
  const count = (done: ImportedFile["done"]) => items.filter((item) => item.done === done).length;
  return {
    items,
    summary: {
      created: count("created"),
      updated: count("updated"),
      unchanged: count("unchanged"),
      refused: count("refused"),
    },
  };
}

const TWICE = ["file.twice", "Another file before it has the same name, plugin and kind."] as const;
const SHIPPED = ["file.shipped", "A template of this name came with Keyturn: give yours another name."] as const;

function refuse(
  { name: _name, formatted: _formatted, ...file }: NamedFile,
  why: readonly [string, string],
): ImportedFile {
  return { ...file, verdict: "refused", complaints: [refusal(...why), ...file.complaints], done: "refused", id: null };
}

async function importFile(
  tx: Transaction,
  { file, body }: { file: NamedFile; body: string },
  { actor, dryRun }: Importing,
): Promise<ImportedFile> {
  const { name, formatted: _formatted, ...about } = file;
  const { plugin, kind } = about;
  if (file.verdict === "refused" || plugin === null || kind === null) return { ...about, done: "refused", id: null };
  const stored = await findTemplate(tx, { name, plugin, kind });
  if (stored?.latestBody === body) return { ...about, done: "unchanged", id: stored.id };
  if (stored?.shipped) return refuse(file, SHIPPED);
  const done = stored ? "updated" : "created";
  if (dryRun) return { ...about, done, id: stored?.id ?? null };
  const person = actor.person ?? "";
  const id = stored?.id ?? (await createTemplate(tx, { name, plugin, kind, body }, person));
  if (stored) await editTemplate(tx, { id, revision: stored.revision, patch: { body }, person });
  const action = stored ? "template.edited" : "template.created";
  await auditObject(tx, actor, { action, objectType: "template", objectId: id, details: { name, plugin, kind } });
  return { ...about, done, id };
}
