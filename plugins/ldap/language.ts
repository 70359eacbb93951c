import type { Dialect } from "../../templates/language/dialect.ts";
import { checkTogether, elsewhere, misplacedForm, namedOtherwise } from "./check.ts";

/** Attributes whose values are DNs: a user name in one is escaped as such. */
const DN_ATTRIBUTES = ["member", "uniqueMember", "owner", "manager", "roleOccupant", "seeAlso"];

/** What the value of an attribute is. */
export function valueContext(attribute: string): "ldap-dn" | "plain" {
  return DN_ATTRIBUTES.some((name) => name.toLowerCase() === attribute.toLowerCase()) ? "ldap-dn" : "plain";
}

/** Templates of the original's plugin LDAP, and two commands of our own for entries that come and go. */
export const language: Dialect = {
  names: ["LDAP"],
  form: "lines",
  checkTogether,
  commands: {
    // The version is always 3, referrals are not followed, and TLS is the device's setting.
    "set-option": {
      arguments: [2, 2],
      contexts: ["plain"],
      check: ([name, value]) =>
        /^LDAP_OPT_PROTOCOL_VERSION$/i.test(name ?? "") && value !== "3"
          ? "only version 3 of LDAP is spoken"
          : undefined,
    },
    connect: { arguments: [0, 2], contexts: ["plain"], check: elsewhere, doubt: namedOtherwise },
    bind: { arguments: [1, 1], contexts: ["ldap-dn"] },
    find: { arguments: [2, 2], contexts: ["ldap-dn", "ldap-filter"] },
    "mod-add": { arguments: [2, 2], contexts: ["plain"], check: misplacedForm },
    "mod-del": { arguments: [1, 2], contexts: ["plain"], check: misplacedForm },
    "mod-replace": { arguments: [2, 2], contexts: ["plain"], check: misplacedForm },
    "create-entry": { arguments: [1, 1], contexts: ["ldap-dn"] },
    "delete-entry": { arguments: [0, 0], contexts: ["plain"] },
    end: { arguments: [0, 0], contexts: ["plain"] },
  },
};
