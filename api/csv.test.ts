import { parse } from "csv-parse/sync";
import { expect, test } from "vitest";
import { csvLine } from "./csv.ts";

test("cells come back as they were, whatever they hold", () => {
  const cells = ['say "yes"', "a,b", "two\nlines", "", "plain", 12, null];
  expect(parse(csvLine(cells))).toEqual([['say "yes"', "a,b", "two\nlines", "", "plain", "12", ""]]);
});

test("what a spreadsheet would calculate stays a text", () => {
  for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")', "＝1"])
    expect(parse(csvLine([text]))).toEqual([[`'${text}`]]);
  expect(csvLine(["a=1", -1])).toBe("a=1,-1\r\n");
});
