import { expect, it } from "vitest";
import { fill } from "./fill.ts";
import { isDn } from "./names.ts";
import { LdapSettings } from "./settings.ts";

it.each([
  ["uid=anna,ou=people,dc=example,dc=org", true],
  ["CN=O\\, Brien,CN=Users,DC=kt,DC=test", true],
  ["cn=admin, dc=example", true],
  ["anna", false],
  ["anna@example.org", false],
  ["KT\\anna", false],
  ["a=b", false],
  ["a,b+c=d;e<f>g", false],
  ["*)(uid=*", false],
  ["x=,y=", false],
])("%s is a DN: %s", (name, expected) => {
  expect(isDn(name)).toBe(expected);
});

it("escapes a name for where it stands", () => {
  expect(fill("(|(uid={username})(mail={username}))", "*)(uid=\\", "ldap-filter")).toBe(
    String.raw`(|(uid=\2a\29\28uid=\5c)(mail=\2a\29\28uid=\5c))`,
  );
  expect(fill("uid={username},dc=test", "a,b+c ", "ldap-dn")).toBe(String.raw`uid=a\,b\+c\ ,dc=test`);
});

it("takes no Active Directory without TLS, and no pattern without a name in it", () => {
  expect(LdapSettings.safeParse({ directory: "active-directory", tls: "off" }).success).toBe(false);
  expect(LdapSettings.safeParse({ directory: "openldap", tls: "off" }).success).toBe(true);
  expect(LdapSettings.safeParse({ userDn: "uid=anna,dc=test" }).success).toBe(false);
  expect(LdapSettings.safeParse({ userFilter: "(uid=anna)" }).success).toBe(false);
});
