import { expect, test } from "vitest";
import { table } from "./table.ts";

test("columns are aligned, numbers to the right, nothing trails", () => {
  expect(
    table(
      ["CODE", "ACCOUNT", "NOTE"],
      [
        [7, "ann@db", null],
        [1234, "b@a-longer-name", "x"],
      ],
    ),
  ).toBe("CODE  ACCOUNT          NOTE\n   7  ann@db\n1234  b@a-longer-name  x\n");
});

test("a device's text cannot steer the terminal or break the line", () => {
  expect(table(["DETAIL"], [["\u001B[2Jgone\r\nnext\u0007"]])).toBe("DETAIL\ngone next\n");
});
