import { expect, test } from "vitest";
import type { ApprovalRule } from "../../contracts/policy.ts";
import { askedLevel, samePerson } from "./approval-levels.ts";

const rule: ApprovalRule = {
  levels: [
    { approvals: 2, approvers: [] },
    { approvals: 1, approvers: ["Cleo"] },
  ],
  expiresMinutes: 60,
};

test("levels are asked one after another, each until it has its approvals", () => {
  const ann = { person: "Ann", level: 0 };
  const ben = { person: "Ben", level: 0 };
  expect(askedLevel(rule, [])?.number).toBe(0);
  expect(askedLevel(rule, [ann])?.number).toBe(0);
  expect(askedLevel(rule, [ann, ben])).toEqual({ approvals: 1, approvers: ["Cleo"], number: 1 });
  expect(askedLevel(rule, [ann, ben, { person: "Cleo", level: 1 }])).toBeUndefined();
});

test("a rule without levels asks nobody", () => {
  expect(askedLevel({ levels: [], expiresMinutes: 1 }, [])).toBeUndefined();
});

test("a person is one in any case", () => {
  expect(samePerson("Ann", "aNN")).toBe(true);
  expect(samePerson("Ann", "Anne")).toBe(false);
});
