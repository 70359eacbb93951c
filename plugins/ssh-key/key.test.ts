import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { utils } from "ssh2";
import { expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { MARKER, newKey, publicHalf, writeKey } from "./key.ts";

/** The start of a private key of Ed25519 in PKCS 8 (RFC 8410); the seed follows. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function pairOf(seed: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

it("makes keys that are read again, those whose public key begins with zero too", () => {
  let zeros = 0;
  for (let tries = 0; tries < 2000; tries += 1) {
    const seed = createHash("sha256").update(String(tries)).digest();
    const open = pairOf(seed);
    if (open[0] !== 0 && tries > 20) continue;
    zeros += open[0] === 0 ? 1 : 0;
    const half = publicHalf(new Secret(writeKey(open, seed)));
    expect(half).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+$/);
    expect(Buffer.from(half?.split(" ")[1] ?? "", "base64").subarray(-32)).toEqual(open);
  }
  expect(zeros).toBeGreaterThan(0);
});

it("makes another key each time, with our comment, and of OpenSSH's form", () => {
  const [one, two] = [newKey().reveal(), newKey().reveal()];
  expect(one).not.toBe(two);
  expect(one).toMatch(
    /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,70}\n)+-----END OPENSSH PRIVATE KEY-----\n$/,
  );
  expect(utils.parseKey(one)).toMatchObject({ comment: MARKER });
});

it("knows what is no private key", () => {
  const encrypted = utils.generateKeyPairSync("ecdsa", { bits: 256, passphrase: "x", cipher: "aes256-ctr" }).private;
  for (const text of ["", "password", "two\nlines", encrypted, publicHalf(newKey()) ?? ""])
    expect(publicHalf(new Secret(text))).toBeUndefined();
  expect(publicHalf(new Secret(utils.generateKeyPairSync("ecdsa", { bits: 256 }).private))).toMatch(/^ecdsa-sha2-/);
});
