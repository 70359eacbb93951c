import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RULES } from "./rules.ts";
import { PARAMETER_TAGS, PASSWORD_TAGS, PLAIN_TAGS } from "./script.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/templates.md"), "utf8");
const section = (title: string) => page.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

describe("docs/templates.md", () => {
  it("has every rule with what follows, in their order, and no other", () => {
    const rows = [...section("Rules").matchAll(/^\| `([\w.-]+)` \| (refused|warning) \| \S/gm)];
    expect(rows.map(([, rule, follows]) => [rule, follows])).toEqual(
      Object.entries(RULES).map(([rule, severity]) => [rule, severity === "refusal" ? "refused" : "warning"]),
    );
  });

  it("has every tag, and no other", () => {
    const rows = section("Tags")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const tags = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)(?!…)`/g)].map(([, tag]) => tag));
    expect(tags.toSorted()).toEqual([...PASSWORD_TAGS, ...PLAIN_TAGS, ...PARAMETER_TAGS].toSorted());
  });
});
