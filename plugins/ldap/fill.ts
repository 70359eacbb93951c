import { renderText } from "../../templates/language/render.ts";
import type { Text } from "../../templates/language/script.ts";

/** A pattern of the settings with the user name in its places, escaped for what it is. */
export function fill(pattern: string, username: string, context: "ldap-dn" | "ldap-filter"): string {
  const parts: Text = pattern
    .split("{username}")
    .flatMap((literal, index) => (index === 0 ? [literal] : [{ tag: "USERNAME" as const }, literal]));
  return renderText(parts, { USERNAME: username }, context);
}
