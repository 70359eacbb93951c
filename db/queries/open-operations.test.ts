import { expect, test } from "vitest";
import type { ApprovalRule } from "../../contracts/policy.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import type { OperationKind, Trigger } from "../../contracts/states.ts";
import { approvalFor } from "./open-operations.ts";

const settings = Settings.parse({ approvalsByKind: { "verify-password": 1 }, approvalExpiresMinutes: 90 });
const policy: ApprovalRule = { levels: [{ approvals: 2, approvers: ["Ann", "Ben"] }], expiresMinutes: 10 };
const ofKind = (approvals: number): ApprovalRule => ({ levels: [{ approvals, approvers: [] }], expiresMinutes: 90 });

test("a policy's rule holds for the creation of a user with a password, and for no other", () => {
  const asked = { trigger: "request", policyApproval: policy, settings } as const;
  expect(approvalFor({ purpose: { kind: "user-creation", givesPassword: true }, ...asked })).toEqual(policy);
  expect(approvalFor({ purpose: { kind: "user-creation", givesPassword: false }, ...asked })).toBeNull();
});

test.each<[string, OperationKind, Trigger, ApprovalRule | null, ApprovalRule | null]>([
  ["a policy's rule, for a request", "change-password", "request", policy, policy],
  ["a policy's rule, for its own clock", "change-password", "age", policy, policy],
  ["a policy's rule, for a reconciliation that a person asks for", "reconcile-password", "request", policy, policy],
  ["nobody, for what a parent's success demands", "child-password-change", "parent", policy, null],
  ["nobody, for a reconciliation that a failure demands", "reconcile-password", "reconcile", policy, null],
  ["nobody, for kinds that want none", "change-password", "request", null, null],
  ["the kind's number", "verify-password", "request", null, ofKind(1)],
  [
    "the kind's number for a look, whatever the policy says of changes",
    "verify-password",
    "request",
    policy,
    ofKind(1),
  ],
  ["nobody, when the policy says so", "change-password", "request", { levels: [], expiresMinutes: 1 }, null],
])("%s", (_who, kind, trigger, policyApproval, rule) => {
  expect(approvalFor({ purpose: { kind, givesPassword: false }, trigger, policyApproval, settings })).toEqual(rule);
});
