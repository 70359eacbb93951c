/** The files of a folder of templates, as they are sent to the API. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { Complaint, TemplateFile } from "./api-types.ts";
import { CliError, EXIT } from "./exit-codes.ts";

/** The longest text that the API takes. Characters. */
const LONGEST = 200_000;
/** A request may have a million bytes, and JSON may need more of them than the text. */
const REQUEST_BYTES = 900_000;
/** Folders and file, seen from which plugin and kind are guessed. */
const PARTS = 6;

/** A file as the person named it, or reached it, with what is sent of it; or why nothing can be. */
export type Found = { readonly shown: string } & (
  | { readonly file: TemplateFile; readonly unfit?: never }
  | { readonly unfit: Complaint; readonly file?: never }
);
type Sendable = Extract<Found, { file: TemplateFile }>;

/** What lies in a folder of templates beside them. */
function isOther(name: string): boolean {
  return name.startsWith(".") || /\.md$/i.test(name) || /^(license|copying)\b/i.test(name);
}

/** The files of a folder, and what of it cannot be read. */
async function walk(path: string): Promise<(string | Found)[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => unreadable(path, error));
  if (!Array.isArray(entries)) return [entries];
  const kept = entries.filter(({ name }) => !isOther(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const found = await Promise.all(
    kept.map(async (entry) => {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) return walk(inside);
      if (!entry.isSymbolicLink()) return entry.isFile() ? [inside] : [];
      // A link to a folder may lead back here, and a pipe is waited for without end.
      const linked = await stat(inside).catch((error: unknown) => unreadable(inside, error));
      return "shown" in linked ? [linked] : linked.isFile() ? [inside] : [];
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

/** What is wrong with a whole file, before the API can say. */
function unfit(shown: string, rule: string, message: string): Found {
  return { shown, unfit: { severity: "refusal", rule, message, line: 1, column: 1 } };
}

function unreadable(shown: string, cause: unknown): Found {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return unfit(shown, "file.unreadable", `It cannot be read${code === "" ? "" : ` (${code})`}.`);
}

async function readTemplate(shown: string): Promise<Found> {
  try {
    // No text of that length has more bytes: a picture of a disk is not loaded for nothing.
    const { size } = await stat(shown);
    const body = size > LONGEST * 4 ? undefined : decode(await readFile(shown));
    if (body === undefined || body.length > LONGEST) {
      const length = body === undefined ? `${size} bytes` : `${body.length} characters`;
      return unfit(shown, "file.long", `It has ${length}, and a template has at most ${LONGEST} characters.`);
    }
    return { shown, file: { path: resolve(shown).split(sep).slice(-PARTS).join("/").slice(-1000), body } };
  } catch (error) {
    return unreadable(shown, error);
  }
}

/**
 * Reads files, and all files of folders but hidden ones, `*.md`, and licences. What cannot be read is told in its place.
 * @throws CliError when there is nothing of that name, or no file
 */
export async function readTemplates(paths: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of paths) {
    // In the order in which they were named.
    const named = await stat(path).catch((cause: unknown) => {
      throw new CliError(EXIT.notFound, `${path} cannot be read.`, `It was looked for at ${resolve(path)}.`, { cause });
    });
    for (const file of named.isDirectory() ? await walk(path) : [path])
      found.push(typeof file === "string" ? await readTemplate(file) : file);
  }
  if (found.length === 0) throw new CliError(EXIT.notFound, "There is no file to read.");
  return found;
}

/**
 * Reads one file.
 * @throws CliError when that cannot be sent
 */
export async function readOne(path: string): Promise<TemplateFile> {
  const [found] = await readTemplates([path]);
  if (found?.file) return found.file;
  throw new CliError(EXIT.data, `${path} is no template.`, found?.unfit?.message);
}

/** The files that can be sent. */
export function sendable(found: readonly Found[]): Sendable[] {
  return found.filter((one): one is Sendable => one.file !== undefined);
}

/** Parts of what is to be sent, each small enough for one request. */
export function* inRequests(found: readonly Sendable[]): Generator<readonly Sendable[]> {
  let part: Sendable[] = [];
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
