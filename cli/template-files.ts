/** The files of a folder of templates, as they are sent to the API. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { TemplateFile } from "./api-types.ts";
import { CliError, EXIT } from "./exit-codes.ts";

/** The longest text that the API takes. Characters. */
const LONGEST = 200_000;
/** A request may have a million bytes, and JSON may need more of them than the text. */
const REQUEST_BYTES = 900_000;
/** Folders and file, seen from which plugin and kind are guessed. */
const PARTS = 6;

export interface Found {
  /** As the person named it, or reached it. */
  readonly shown: string;
  /** What is sent. */
  readonly file: TemplateFile;
}

/** What lies in a folder of templates beside them. */
function isOther(name: string): boolean {
  return name.startsWith(".") || /\.md$/i.test(name) || /^(license|copying)\b/i.test(name);
}

async function walk(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(unreadable(path));
  const kept = entries.filter(({ name }) => !isOther(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const found = await Promise.all(
    kept.map(async (entry) => {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) return walk(inside);
      // A link to a folder may lead back here.
      const isLinked = entry.isSymbolicLink() && !(await stat(inside).catch(unreadable(inside))).isDirectory();
      return entry.isFile() || isLinked ? [inside] : [];
    }),
  );
  return found.flat();
}

/** Old libraries are not always in UTF-8; what Windows calls Unicode begins with a mark of its own. */
function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Makes of a failure to read the error that names what could not be read. */
function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const hint = code === "EACCES" ? "You may not read it." : `It was looked for at ${resolve(path)}.`;
    throw new CliError(EXIT.notFound, `${path} cannot be read.`, hint, { cause });
  };
}

async function readTemplate(shown: string): Promise<Found> {
  const body = decode(await readFile(shown).catch(unreadable(shown)));
  if (body.length > LONGEST)
    throw new CliError(EXIT.data, `${shown} is no template: it has ${body.length} characters.`, "Leave it out.");
  return { shown, file: { path: resolve(shown).split(sep).slice(-PARTS).join("/").slice(-1000), body } };
}

/**
 * Reads files, and all files of folders but hidden ones, `*.md`, and licences.
 * @throws CliError when one cannot be read
 */
export async function readTemplates(paths: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of paths) {
    // In the order in which they were named.
    const isFolder = (await stat(path).catch(unreadable(path))).isDirectory();
    for (const file of isFolder ? await walk(path) : [path]) found.push(await readTemplate(file));
  }
  if (found.length === 0) throw new CliError(EXIT.notFound, "There is no file to read.");
  return found;
}

/** Parts of what is to be sent, each small enough for one request. */
export function* inRequests(found: readonly Found[]): Generator<readonly Found[]> {
  let part: Found[] = [];
  let bytes = 0;
  for (const one of found) {
    const size = Buffer.byteLength(JSON.stringify(one.file));
    if (part.length > 0 && (bytes + size > REQUEST_BYTES || part.length === 1000)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(one);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
