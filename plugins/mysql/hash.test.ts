import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { publicKey } from "./ed25519.ts";
import { HASHES } from "./hash.ts";

it("is what MariaDB computes", () => {
  // SELECT PASSWORD('a'), and the example of MariaDB's page on ed25519.
  expect(HASHES["mysql_native_password"]?.("a")).toBe("*667F407DE7C6AD07358FA38DAED7828A72014B4E");
  expect(HASHES["ed25519"]?.("secret")).toBe("ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY");
});

it("agrees with RFC 8032 where the secret has its 32 bytes", () => {
  for (let round = 0; round < 20; round += 1) {
    const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    expect(publicKey(Buffer.from(d ?? "", "base64url")).toString("base64url")).toBe(x);
  }
});
