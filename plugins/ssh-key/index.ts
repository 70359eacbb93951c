/** SSH key pairs: a new one is added to the account's `authorized_keys`, proven, and the old one removed. */
import { z } from "zod";
import { PASSWORD_OPERATIONS } from "../kinds.ts";
import type { Plugin } from "../plugin.ts";
import { readHostKey } from "../secure-shell/connection.ts";
import { newKey, publicHalf } from "./key.ts";
import { logIn, verifyKey } from "./login.ts";
import { createSession } from "./session.ts";

/** A private key is a text of several lines. */
const ALPHABET = `\n${Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("")}`;

export const sshKey: Plugin = {
  kind: "ssh-key",
  title: "SSH key pair",
  /** Nothing to set: the file is `~/.ssh/authorized_keys`. */
  settings: z.strictObject({}),
  capabilities: {
    template: "none",
    ownAccount: true,
    otherAccount: true,
    operations: PASSWORD_OPERATIONS,
    propagationMs: 0,
    // A command that has its line goes on without the connection: the wait for the lock of the file.
    settleMs: 10_000,
    heavy: false,
  },
  legalPassword: () => ({ alphabet: ALPHABET, minLength: 1, maxLength: 16_384 }),
  secretForm: {
    rule: "must be a private key without a passphrase, in OpenSSH's format or PEM (not PKCS 8)",
    fits: (secret) => publicHalf(secret) !== undefined,
    make: newKey,
  },
  identify: readHostKey,
  open: async (device, login, call) => createSession({ connection: await logIn(device, login, call), device, login }),
  verify: verifyKey,
};
