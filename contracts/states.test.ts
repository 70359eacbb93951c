import { expect, it } from "vitest";
import { isOpen, mayAct, mayMove, OPERATION_ACTIONS, OPERATION_STATES } from "./states.ts";

const ALLOWED = new Set([
  "awaiting-approval scheduled",
  "awaiting-approval canceled",
  "awaiting-approval expired",
  "scheduled awaiting-approval",
  "scheduled running",
  "scheduled canceled",
  "scheduled error",
  "running scheduled",
  "running succeeded",
  "running error",
  "error scheduled",
]);

it.each(OPERATION_STATES.flatMap((from) => OPERATION_STATES.map((to) => [from, to] as const)))(
  "%s to %s",
  (from, to) => {
    expect(mayMove(from, to)).toBe(ALLOWED.has(`${from} ${to}`));
  },
);

const ACCEPTED: Record<string, readonly string[]> = {
  approve: ["awaiting-approval"],
  reject: ["awaiting-approval"],
  "run-now": ["scheduled"],
  cancel: ["scheduled", "awaiting-approval"],
  restart: ["error"],
};

it.each(OPERATION_ACTIONS.flatMap((action) => OPERATION_STATES.map((state) => [action, state] as const)))(
  "%s in %s",
  (action, state) => {
    expect(mayAct(action, state)).toBe(ACCEPTED[action]?.includes(state));
  },
);

it("holds the credential exactly while something is still to happen", () => {
  expect(OPERATION_STATES.filter(isOpen)).toEqual(["scheduled", "awaiting-approval", "running"]);
});
