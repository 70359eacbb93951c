import type { Algorithms } from "ssh2";
import type { Device } from "../plugin.ts";

/** Group exchange costs a second of our CPU and stops every other connection of the process meanwhile. */
const GROUP_EXCHANGE = ["diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1"] as const;

/**
 * What old devices know and nobody else should take: SHA-1 and 1024-bit key exchange, CBC and 3DES, DSA and MD5. Each
 * stands last, so that a device that knows better uses that.
 */
const OLD = {
  kex: ["diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"],
  cipher: ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"],
  serverHostKey: ["ssh-dss"],
  hmac: ["hmac-sha2-256-96", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"],
} as const;

/** What is offered to a device: old algorithms only where its settings hold `legacyAlgorithms`. */
export function algorithmsFor({ settings }: Device): Algorithms {
  if (settings["legacyAlgorithms"] !== true) return { kex: { append: [], prepend: [], remove: [...GROUP_EXCHANGE] } };
  return {
    kex: added(OLD.kex),
    cipher: added(OLD.cipher),
    serverHostKey: added(OLD.serverHostKey),
    hmac: added(OLD.hmac),
  };
}

function added<T>(names: readonly T[]) {
  return { append: [...names], prepend: [], remove: [] };
}
