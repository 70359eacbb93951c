import { describe, expect, test } from "vitest";
import { approvalDigest, type ApprovalFacts } from "./approval-digest.ts";

const account = { id: "1", username: "root", domain: "", additionalInfo: "" };
const facts: ApprovalFacts = {
  credential: account,
  authenticator: { ...account, id: "2", username: "admin" },
  device: {
    address: "db1.example",
    port: 5432,
    pinnedIdentity: "SHA256:abc",
    settings: { linux: { sudo: { as: "root", path: "/bin" }, list: [1, 2] }, postgresql: { tls: true } },
  },
  plugin: "linux",
  templateId: null,
  templateVersion: null,
};
const { device, credential, authenticator } = facts;

describe("the digest of what is approved", () => {
  test("is SHA-256 and does not depend on the order of fields", () => {
    expect(approvalDigest(facts)).toMatch(/^[0-9a-f]{64}$/);
    const settings = { postgresql: {}, linux: { list: [1, 2], sudo: { path: "/bin", as: "root" } } };
    const { templateId, ...rest } = facts;
    expect(approvalDigest({ templateId, ...rest, device: { ...device, settings } })).toBe(approvalDigest(facts));
  });

  test.each<[string, Partial<ApprovalFacts>]>([
    ["address", { device: { ...device, address: "db2.example" } }],
    ["port", { device: { ...device, port: null } }],
    ["host key", { device: { ...device, pinnedIdentity: null } }],
    ["the plugin's settings", { device: { ...device, settings: { linux: { list: [2, 1] } } } }],
    ["plugin", { plugin: "postgresql" }],
    ["template", { templateId: "3" }],
    ["template version", { templateVersion: 2 }],
    ["a value of the template's tags", { parameters: { group: "wheel" } }],
    ["target", { credential: { ...credential, username: "toor" } }],
    ["target's domain", { credential: { ...credential, domain: "corp" } }],
    ["another row with the same names", { credential: { ...credential, id: "9" } }],
    ["the account that logs in", { authenticator: { ...account, id: "2", additionalInfo: "instance 2" } }],
    ["no account that logs in", { authenticator: null }],
    ["accounts the other way round", { credential: authenticator ?? credential, authenticator: credential }],
  ])("changes with %s", (_what, change) => {
    expect(approvalDigest({ ...facts, ...change })).not.toBe(approvalDigest(facts));
  });

  test("does not change with another plugin's settings", () => {
    const other = { ...device, settings: { ...device.settings, postgresql: { tls: false } } };
    expect(approvalDigest({ ...facts, device: other })).toBe(approvalDigest(facts));
  });
});
