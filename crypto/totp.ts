/** One-time passwords of accounts with a second factor (RFC 6238, as authenticator apps make them). */
import { Secret as Seed, TOTP } from "otpauth";
import { Secret } from "../contracts/secret.ts";
import type { Binding } from "./envelope.ts";

/** The place of a credential's seed: sealed there, it opens nowhere else. */
export function totpBinding(credentialId: string): Binding {
  return { versionId: "totp", credentialId, version: 0 };
}

/** Whether a text is a seed: base32 (RFC 4648) of 10 bytes or more. Blanks and dashes between groups are left out. */
export function isTotpSeed(text: string): boolean {
  return /^[A-Z2-7]{16,}=*$/.test(bare(text));
}

/** The token that the seed gives now: SHA-1, 6 digits, 30 seconds. */
export function totpToken(seed: Secret): Secret {
  return new Secret(new TOTP({ secret: Seed.fromBase32(bare(seed.reveal())) }).generate());
}

function bare(text: string): string {
  return text.replaceAll(/[\s-]/g, "").toUpperCase();
}
