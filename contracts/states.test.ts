import { expect, it } from "vitest";
import {
  isJob,
  isOpen,
  mayAct,
  mayMove,
  OPERATION_ACTIONS,
  OPERATION_KINDS,
  OPERATION_STATES,
  setsPassword,
} from "./states.ts";

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

it("each kind sets a password, is a job, or only looks", () => {
  const looks = OPERATION_KINDS.filter((kind) => !isJob(kind) && !setsPassword(kind));
  expect(looks).toEqual(["verify-password"]);
  expect(OPERATION_KINDS.filter((kind) => isJob(kind) && setsPassword(kind))).toEqual([]);
  expect(isJob("ephemeral-credential-removal")).toBe(true);
  expect(setsPassword("ephemeral-credential-creation")).toBe(true);
});
