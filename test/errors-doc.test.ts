import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ERRORS } from "../contracts/errors.ts";
import { ERRORS_DOC, renderErrors } from "../scripts/errors-doc.ts";

test("docs/errors.md is the catalogue, word for word", async () => {
  const written = await readFile(ERRORS_DOC, "utf8");
  expect(written).toBe(renderErrors());
  const named = [...written.matchAll(/^\| `([a-z.-]+)` \|/gm)].map(([, code]) => code);
  expect(named.toSorted()).toEqual(Object.keys(ERRORS).toSorted());
});
