/** What MariaDB stores of a password: sent instead of it, so that no log of the server holds the clear text. */
import { createHash } from "node:crypto";
import { publicKey } from "./ed25519.ts";

/** Plugins of MariaDB whose stored form is computed here, by name. */
export const HASHES: Readonly<Record<string, (password: string) => string>> = {
  mysql_native_password: nativeHash,
  ed25519: (password) => publicKey(Buffer.from(password, "utf8")).toString("base64").replace(/=+$/, ""),
};

/** `*` and SHA1(SHA1(password)): https://mariadb.com/kb/en/authentication-plugin-mysql_native_password/ */
function nativeHash(password: string): string {
  const sha1 = (data: string | Buffer) => createHash("sha1").update(data).digest();
  return `*${sha1(sha1(password)).toString("hex").toUpperCase()}`;
}
