/** What can be said of a template before it meets a directory: which lines may follow which, and what they may name. */
import type { WrittenCommand, WrongCommand } from "../../templates/language/dialect.ts";

const ANY_TAG = /\[#\w+#\]/;
/** Tags that stand for the device. */
const DEVICE_TAG = /\[#(?:IP|HOSTNAME|DOMAIN)#\]/;

/** What is wrong with the target of `connect`. */
export function elsewhere(args: readonly string[]): string | undefined {
  const target = hostOf(args.at(-1) ?? "");
  if (!ANY_TAG.test(target) || DEVICE_TAG.test(target)) return undefined;
  return "a template talks to its device: leave the target out, or name it by [#IP#], [#HOSTNAME#] or [#DOMAIN#]";
}

/** What is doubtful about the target of `connect`. */
export function namedOtherwise(args: readonly string[]): string | undefined {
  const target = hostOf(args.at(-1) ?? "");
  if (/^(?:null)?$|^\[#\w+#\]$/.test(target)) return undefined;
  return "`connect` goes to the device: where this is another address or name, the template is refused when it runs.";
}

/** The host of an address: `ldaps://host:636/`, `ldaps://[::1]:636`, `::1`. */
export function hostOf(address: string): string {
  const place = address.replace(/^ldaps?:\/\//i, "").replace(/\/$/, "");
  // A tag is in brackets, too.
  const bracketed = /^\[([^\]#]*)\](?::\d+)?$/.exec(place)?.[1];
  return bracketed ?? (/:.*:/.test(place) ? place : place.replace(/:\d+$/, ""));
}

/** Active Directory's form of a password is for its one attribute, and no other form is. */
export function misplacedForm([attribute = "", value]: readonly string[]): string | undefined {
  if (value === undefined || ANY_TAG.test(attribute)) return undefined;
  const isForm = /^u\(.*\)$/is.test(value);
  if (/^unicodePwd$/i.test(attribute) === isForm) return undefined;
  return isForm
    ? "u(…) is the form of a password in unicodePwd; another attribute takes the value as it is"
    : "unicodePwd takes its value as u(…) only";
}

/** Says which commands have nothing to work on, or log in a second time. */
export function checkTogether(commands: readonly WrittenCommand[]): WrongCommand[] {
  const wrong: WrongCommand[] = [];
  let entry: "none" | "found" | "new" = "none";
  const boundAs = commands.find(({ name }) => name === "bind")?.args[0];
  for (const [index, { name, args }] of commands.entries()) {
    if (name === "bind" && args[0] !== boundAs)
      wrong.push({ index, message: "A template logs in once: another `bind` before it has another name." });
    if (name === "find") entry = "found";
    if (name === "create-entry") entry = "new";
    const changes = name.startsWith("mod-");
    if (changes && entry === "new" && name !== "mod-add")
      wrong.push({ index, message: "After `create-entry` only `mod-add` says what the new entry holds." });
    if ((changes && entry === "none") || (name === "delete-entry" && entry !== "found"))
      wrong.push({ index, message: `Nothing was found before it that ${name} could change: a \`find\` is missing.` });
    if (name === "delete-entry") entry = "none";
  }
  return wrong;
}
