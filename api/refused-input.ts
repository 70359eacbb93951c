/** Words about refused input that never quote what was sent: a password may stand where a name belongs. */

/** Fields, headers, plugins and places in lists. A generated password always holds both digits and other characters. */
const PLAIN = /^(?:[a-z]+(?:-[a-z]+)*|\d{1,5})$/i;
const HIDDEN = "…";
const LONGEST = 40;

function isPlain(name: string): boolean {
  return name.length <= LONGEST && PLAIN.test(name);
}

/**
 * The field as the caller knows it, up to the first part that may be anything.
 * @param path from the whole input to the field
 */
export function fieldName(path: readonly string[]): string {
  const strange = path.findIndex((part) => !isPlain(part));
  return (strange < 0 ? path : [...path.slice(0, strange), HIDDEN]).join(".");
}

/**
 * The rule that was broken.
 * @param message of the schema library, which quotes unknown names
 * @param unknown those names, when that is what is wrong
 */
export function ruleText(message: string, unknown: unknown): string {
  if (!Array.isArray(unknown)) return message.endsWith("received undefined") ? "is required" : message;
  const names = unknown.map((name) => (typeof name === "string" && isPlain(name) ? `"${name}"` : HIDDEN));
  return `Unrecognized key${names.length === 1 ? "" : "s"}: ${names.join(", ")}`;
}
