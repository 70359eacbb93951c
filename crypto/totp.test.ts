import { TOTP } from "otpauth";
import { afterEach, expect, test, vi } from "vitest";
import { Secret } from "../contracts/secret.ts";
import { isTotpSeed, totpToken } from "./totp.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("the last six digits of RFC 6238's test vectors (SHA-1)", () => {
  const seed = new Secret("gezd gnbv-GY3T QOJQ GEZD GNBV GY3T QOJQ");
  for (const [second, token] of [
    [59, "287082"],
    [1_111_111_109, "081804"],
    [20_000_000_000, "353130"],
  ] as const) {
    vi.useFakeTimers({ now: second * 1000 });
    expect(totpToken(seed).reveal()).toBe(token);
  }
});

test("a seed is base32 of 80 bits or more", () => {
  expect(isTotpSeed(new TOTP().secret.base32)).toBe(true);
  for (const text of ["", "GEZDGNBVGY3TQOJ", "GEZDGNBVGY3TQOJ1", "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ"])
    expect(isTotpSeed(text), text).toBe(false);
});
