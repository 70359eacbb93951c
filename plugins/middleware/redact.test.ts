import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Context, SqlDialect } from "../../templates/language/dialect.ts";
import { renderText } from "../../templates/language/render.ts";
import type { Text } from "../../templates/language/script.ts";
import { createRedactor } from "./redact.ts";

const NEW = { tag: "NEW_PASSWORD" } as const;
/** Each sign that some quoting writes in its own way, with so little between that no part of six stays as it was. */
const CANARIES = [
  "ab'cd'ef'gh",
  "a\\b\\c\\d\\e\\f",
  "a`b`c`d`e`f",
  "a]b]c]d]e]f",
  "a*b(c)d*e(f)g",
  'a,b+c"d;e<f>g',
  "x'y\\z'x\\y'z",
];

const SECRET = `Kt7"q'&<w/p+ ü$x\\9`;
const redact = createRedactor([new Secret(SECRET), new Secret("another-one")]);
const base64 = (text: string, encoding: "base64" | "base64url" = "base64") => Buffer.from(text).toString(encoding);

describe("a text that holds a secret", () => {
  it.each([
    ["as it is", SECRET],
    ["in capital letters", SECRET.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())],
    ["in JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["in JSON with slashes escaped", JSON.stringify(SECRET).slice(1, -1).replaceAll("/", "\\/")],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in a form", new URLSearchParams({ p: SECRET }).toString().slice(2)],
    ["in SQL", SECRET.replaceAll("'", "''")],
    ["for a shell", SECRET.replaceAll(/[^A-Za-z0-9]/g, String.raw`\$&`)],
    ["in hex", Buffer.from(SECRET).toString("hex")],
    ["in HTML", SECRET.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")],
    ["in base64 for URLs", base64(SECRET, "base64url")],
    ["cut at its end", SECRET.slice(0, 9)],
    ["cut at its start", SECRET.slice(-8)],
  ])("is masked whole: %s", (_, form) => {
    expect(redact(`{"before":"${form}"} after`)).toBe('{"before":"[secret]"} after');
  });

  it.each<[string, Text, Context, SqlDialect?]>([
    ["a word of a shell", ["passwd ", NEW], "typed"],
    ["a shell's single quotes", ["printf '", NEW, "'"], "typed"],
    ["a shell's double quotes", ['printf "', NEW, '"'], "typed"],
    ["a literal", ["x '", NEW, "'"], "sql", "postgresql"],
    ["a literal with escapes", ["x E'", NEW, "'"], "sql", "postgresql"],
    ["a literal of MySQL", ["x '", NEW, "'"], "sql", "mysql"],
    ["a name of MySQL", ["x `", NEW, "`"], "sql", "mysql"],
    ["a name of SQL Server", ["x [", NEW, "]"], "sql", "sql-server"],
    ["a password of SQL Server", ["x ", NEW], "sql", "sql-server"],
    ["a filter", ["(a=", NEW, ")"], "ldap-filter"],
    ["a distinguished name", ["cn=", NEW], "ldap-dn"],
    ["a URL", ["http://x/", NEW], "url"],
    ["a regular expression", ["/", NEW, "/"], "regex"],
  ])("is masked as our own quoting writes it: %s", (_, text, context, sql) => {
    for (const canary of CANARIES) {
      const sent = renderText(text, { NEW_PASSWORD: canary }, context, sql);
      const masked = createRedactor([new Secret(canary)])(sent);
      const template = text.filter((part) => typeof part === "string").join("");
      // Quotes that come with the value may stay.
      expect(masked.replace("[secret]", "").length, masked).toBeLessThanOrEqual(template.length + 4);
    }
  });

  it.each<[string, (bytes: Buffer) => string]>([
    ["raw", (bytes) => bytes.toString("latin1")],
    ["in base64", (bytes) => bytes.toString("base64")],
    ["in hex", (bytes) => bytes.toString("hex")],
  ])("is masked as Active Directory's unicodePwd, %s", (_, written) => {
    for (const canary of [...CANARIES, SECRET]) {
      const masked = createRedactor([new Secret(canary)])(written(Buffer.from(`"${canary}"`, "utf16le")));
      expect(masked.replace("[secret]", "").length, masked).toBeLessThan(14);
    }
  });

  it("is masked in two parts where a terminal wrapped it", () => {
    expect(redact(`${SECRET.slice(0, 8)}\r\n${SECRET.slice(8)}`)).toBe("[secret]\r\n[secret]");
  });

  it.each(["", "admin:", "ad:", "a:"])("is masked in base64, behind '%s'", (before) => {
    const masked = redact(`Basic ${base64(`${before}${SECRET}:and more`)}`);
    expect(masked).toMatch(/^Basic [A-Za-z0-9]*\[secret\]/);
    const decoded = Buffer.from(masked.replace(/.*\[secret\]/, ""), "base64").toString("latin1");
    expect(decoded).not.toContain(SECRET.slice(-3));
  });

  it("loses every secret, and only those", () => {
    expect(redact(`a ${SECRET} b another-one c`)).toBe("a [secret] b [secret] c");
    expect(redact("nothing of the kind: password, Kt7")).toBe("nothing of the kind: password, Kt7");
    expect(redact("")).toBe("");
  });

  it("whatever the secret and wherever it stands", () => {
    const text = fc.string({ maxLength: 30 });
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 40 }), text, text, (secret, before, after) => {
        const masked = createRedactor([new Secret(secret)])(before + secret + after);
        fc.pre(!"[secret]".includes(secret));
        expect(masked).not.toContain(secret);
        const encoded = createRedactor([new Secret(secret)])(base64(before + secret + after));
        const decoded = Buffer.from(encoded.replaceAll("[secret]", ""), "base64").toString("latin1");
        expect(decoded).not.toContain(Buffer.from(secret).toString("latin1"));
      }),
      { numRuns: 500 },
    );
  });

  it("also a short one, but none so short that it stands everywhere", () => {
    expect(createRedactor([new Secret("k7-x")])("sent k7-x.")).toBe("sent [secret].");
    expect(createRedactor([new Secret("e")])("every text")).toBe("every text");
    expect(createRedactor([new Secret("")])("every text")).toBe("every text");
  });
});
