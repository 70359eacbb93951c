import { EqualityFilter, FilterParser } from "ldapts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyValue } from "./nasty.ts";
import { renderText } from "./render.ts";
import type { Text } from "./script.ts";

const USER = { tag: "USERNAME" } as const;
const render = (text: Text, value: string, context: "ldap-filter" | "ldap-dn") =>
  renderText(text, { USERNAME: value }, context);

/** The values of a DN by RFC 4514, read back by another way than the one that writes it. */
function valuesOf(dn: string): string[] {
  const bytes: number[][] = [[]];
  for (let index = 0; index < dn.length; index += 1) {
    const pair = /^\\([0-9a-f]{2})/i.exec(dn.slice(index, index + 3))?.[1];
    const char = String.fromCodePoint(dn.codePointAt(index + (dn[index] === "\\" ? 1 : 0)) ?? 0);
    if (pair !== undefined) {
      bytes.at(-1)?.push(Number.parseInt(pair, 16));
      index += 2;
    } else if (dn[index] === "," || dn[index] === "+") {
      bytes.push([]);
    } else {
      bytes.at(-1)?.push(...Buffer.from(char));
      index += char.length - 1 + (dn[index] === "\\" ? 1 : 0);
    }
  }
  return bytes.map((part) =>
    Buffer.from(part)
      .toString()
      .replace(/^[a-z]+=/, ""),
  );
}

describe("any value", () => {
  it("is what a filter compares with, and nothing more", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const filter = FilterParser.parseString(render(["(uid=", USER, ")"], value, "ldap-filter"));
        expect(filter).toBeInstanceOf(EqualityFilter);
        expect(filter).toMatchObject({ attribute: "uid", value });
      }),
      { numRuns: 200 },
    );
  });

  it("is one value of a distinguished name", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const dn = render(["cn=", USER, ",ou=x"], value, "ldap-dn");
        expect(valuesOf(dn)).toEqual([value, "x"]);
        // A blank at an end, or `#` at the beginning, would be lost or read as hexadecimal.
        expect(dn).not.toMatch(/^cn=[ #]|[^\\] ,ou=x$/);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a value in a distinguished name", () => {
  it.each([
    [" a ", String.raw`cn=\ a\ `],
    [" ", String.raw`cn=\ `],
    ["#a", String.raw`cn=\#a`],
    ["a b", "cn=a b"],
    ['a,b+c"d\\e<f>g;h=i', String.raw`cn=a\,b\+c\"d\\e\<f\>g\;h\=i`],
    ["a\nb", String.raw`cn=a\0ab`],
  ])("%j", (value, dn) => {
    expect(render(["cn=", USER], value, "ldap-dn")).toBe(dn);
  });
});
