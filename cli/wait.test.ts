import { expect, test } from "vitest";
import type { Operation } from "./api-types.ts";
import { describeProgress } from "./wait.ts";

function operation(fields: Partial<Operation>): Operation {
  const moment = "2030-01-31T22:00:00.000Z";
  return {
    code: 17,
    kind: "change-password",
    state: "scheduled",
    phase: null,
    run: 1,
    credentialId: "",
    deviceId: "",
    target: {
      username: "ann",
      domain: "",
      device: "db",
      address: "",
      manufacturer: "",
      model: "",
      site: "",
      url: "",
      tags: [],
    },
    templateId: null,
    parameters: {},
    policyId: null,
    parentCode: null,
    approval: null,
    trigger: "request",
    requestedBy: "",
    reason: "",
    priority: 2,
    runAttempts: 0,
    attempts: 0,
    scheduledFor: moment,
    dueAt: moment,
    waitingFor: null,
    outcome: null,
    requestedAt: moment,
    executedAt: null,
    endedAt: null,
    ...fields,
  };
}

test("one operation says its state and why", () => {
  expect(describeProgress([operation({ waitingFor: "device" })])).toBe("Operation 17: Scheduled (device)");
  expect(describeProgress([operation({ state: "running", phase: "staged" })])).toBe("Operation 17: Running (staged)");
  expect(describeProgress([operation({ state: "succeeded" })])).toBe("Operation 17: Successfully performed");
});

test("many are counted by state", () => {
  const many = [operation({}), operation({ state: "running" }), operation({ state: "running" })];
  expect(describeProgress(many)).toBe("3 operations: 1 scheduled, 2 running");
});
