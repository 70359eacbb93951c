import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { anyValue } from "./nasty.ts";
import { renderText } from "./render.ts";

const USER = { tag: "USERNAME" } as const;
const values = anyValue.filter((value) => value.isWellFormed());

describe("any value", () => {
  it("is a string of JSON, and nothing more", () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = ['{"a":"x', USER, '","b":', USER, ',"c":"\\"', USER, '"}'];
        const json: unknown = JSON.parse(renderText(text, { USERNAME: value }, "json"));
        expect(json).toEqual({ a: `x${value}`, b: value, c: `"${value}` });
      }),
      { numRuns: 200 },
    );
  });

  it("is one part of a URL", () => {
    fc.assert(
      fc.property(values, (value) => {
        const url = new URL(renderText(["https://host/u/x", USER, "?q=", USER, "&z=1#f"], { USERNAME: value }, "url"));
        expect([url.host, url.hash]).toEqual(["host", "#f"]);
        expect(url.pathname.split("/").map(decodeURIComponent)).toEqual(["", "u", `x${value}`]);
        expect([...url.searchParams]).toEqual([
          ["q", value],
          ["z", "1"],
        ]);
      }),
      { numRuns: 200 },
    );
  });

  it("matches itself in a regular expression", () => {
    fc.assert(
      fc.property(values, (value) => {
        const body = renderText(["/^", USER, "$/"], { USERNAME: value }, "regex").slice(1, -1);
        expect(RE2JS.compile(RE2JS.translateRegExp(body)).matcher(value).matches()).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
