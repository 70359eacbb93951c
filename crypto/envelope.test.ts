import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "../contracts/secret.ts";
import { type Binding, createVault, SecretUnreadable } from "./envelope.ts";
import { parseKey } from "./key-provider.ts";

const newKey = () => parseKey(randomBytes(32).toString("base64"), "environment", "test");
const binding: Binding = { versionId: "v-1", credentialId: "c-1", version: 3 };
const vault = createVault(newKey());

describe("the vault", () => {
  it("opens what it sealed, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        expect(vault.open(vault.seal(new Secret(text), binding), binding).reveal()).toBe(text);
      }),
    );
  });

  it("never seals twice to the same bytes, and shows no clear text", () => {
    const secret = new Secret("correct horse battery");
    const first = vault.seal(secret, binding);
    expect(vault.seal(secret, binding).equals(first)).toBe(false);
    expect(first.includes("correct horse")).toBe(false);
  });

  it.each([{ versionId: "v-2" }, { credentialId: "c-2" }, { version: 4 }])("refuses another row: %o", (other) => {
    const sealed = vault.seal(new Secret("x"), binding);
    expect(() => vault.open(sealed, { ...binding, ...other })).toThrow(SecretUnreadable);
  });

  it("refuses every flipped bit and every cut", () => {
    const sealed = vault.seal(new Secret("secret"), binding);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => vault.open(changed, binding)).toThrow(SecretUnreadable);
    }
    for (let length = 0; length < sealed.length; length += 1)
      expect(() => vault.open(sealed.subarray(0, length), binding)).toThrow(SecretUnreadable);
  });

  it("refuses another key and names both by id", () => {
    const other = createVault(newKey());
    const sealed = vault.seal(new Secret("x"), binding);
    expect(() => other.open(sealed, binding)).toThrow(
      `sealed with key ${vault.keyId}; this process has key ${other.keyId}`,
    );
  });

  it("refuses another key that claims the same id", () => {
    const other = createVault({ ...newKey(), id: vault.keyId });
    expect(() => other.open(vault.seal(new Secret("x"), binding), binding)).toThrow(SecretUnreadable);
  });

  it("carries the catalogue's code", () => {
    expect(new SecretUnreadable("x").code).toBe("secret.unreadable");
  });
});
