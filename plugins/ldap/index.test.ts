import { expect, it } from "vitest";
import { ldap } from "./index.ts";

it.each([
  ["active-directory", 3_600_000],
  ["openldap", 0],
  ["attribute", 0],
])("an old password lingers in %s for %i ms", (directory, lingerMs) => {
  expect(ldap.lingerMs?.(ldap.settings.parse({ directory }))).toBe(lingerMs);
});
