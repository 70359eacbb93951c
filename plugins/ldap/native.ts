/** Changes without a template. */
import { createHash, randomBytes } from "node:crypto";
import { Attribute, Change } from "ldapts";
import type { Secret } from "../../contracts/secret.ts";
import type { Call } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { passwordModify, PASSWORD_MODIFY } from "./password-modify.ts";
import type { LdapSettings } from "./settings.ts";

export interface NativeChange {
  readonly connection: Connection;
  readonly call: Call;
  readonly settings: LdapSettings;
  readonly dn: string;
  /** The present password, where the account changes its own. */
  readonly old?: Secret | undefined;
  readonly next: Secret;
}

/**
 * One request, which the directory carries out whole or not at all.
 * @throws PluginFailure
 */
export async function changePassword({ connection, call, settings, dn, old, next }: NativeChange): Promise<void> {
  switch (settings.directory) {
    case "active-directory":
      await connection.modify(call, dn, unicodePwd(old, next));
      return;
    case "openldap":
      await connection.extended(call, PASSWORD_MODIFY, passwordModify({ dn, old, next }));
      return;
    case "attribute": {
      const value = settings.store === "ssha" ? ssha(next) : Buffer.from(next.reveal());
      await connection.modify(call, dn, [modification("replace", settings.attribute, value)]);
    }
  }
}

/**
 * Active Directory's form of a password: in quotes, UTF-16LE.
 * https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-adts/6e803168-f140-4d23-b2d3-c3a8ab5917d2
 */
export function quotedUtf16(password: string): Buffer {
  return Buffer.from(`"${password}"`, "utf16le");
}

/** @param value absent: all values of the attribute */
export function modification(operation: "add" | "delete" | "replace", type: string, value?: Buffer): Change {
  return new Change({ operation, modification: new Attribute({ type, values: value ? [value] : [] }) });
}

/** Replacing is a reset, by right; taking away the old value and adding the new one is a change, by knowing the old. */
function unicodePwd(old: Secret | undefined, next: Secret): Change[] {
  const value = quotedUtf16(next.reveal());
  if (!old) return [modification("replace", "unicodePwd", value)];
  return [modification("delete", "unicodePwd", quotedUtf16(old.reveal())), modification("add", "unicodePwd", value)];
}

/** RFC 2307: `{SSHA}` and base64 of SHA-1 over password and salt, followed by the salt. */
function ssha(password: Secret): Buffer {
  const salt = randomBytes(16);
  const digest = createHash("sha1").update(password.reveal()).update(salt).digest();
  return Buffer.from(`{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`);
}
