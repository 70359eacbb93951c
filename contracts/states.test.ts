import { expect, it } from "vitest";
import {
  isJob,
  isPasswordKind,
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
  const purposes = OPERATION_KINDS.map((kind) => ({ kind, givesPassword: false }));
  const looks = purposes.filter((purpose) => !isJob(purpose) && !setsPassword(purpose));
  expect(looks.map(({ kind }) => kind)).toEqual(["verify-password"]);
  expect(purposes.filter((purpose) => isJob(purpose) && setsPassword(purpose))).toEqual([]);
  expect(isJob({ kind: "ephemeral-credential-removal", givesPassword: false })).toBe(true);
  expect(isPasswordKind("ephemeral-credential-creation")).toBe(true);
});

it("the creation of a user is a job, unless its template gives a password", () => {
  const kind = "user-creation";
  expect([isJob({ kind, givesPassword: false }), setsPassword({ kind, givesPassword: false })]).toEqual([true, false]);
  expect([isJob({ kind, givesPassword: true }), setsPassword({ kind, givesPassword: true })]).toEqual([false, true]);
});
