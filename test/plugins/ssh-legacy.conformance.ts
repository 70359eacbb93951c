import type { Conformance } from "./conformance-cases.ts";
import { startShells } from "./ssh.conformance.ts";

/** What OpenSSH 9.2 still knows of old times, and nothing else. */
export const OLD = [
  "KexAlgorithms diffie-hellman-group14-sha1",
  "Ciphers aes128-cbc,3des-cbc",
  "MACs hmac-md5,hmac-sha1-96",
];

export const conformance: Conformance = {
  kind: "ssh-legacy",
  server: "OpenSSH 9.2 with old algorithms only",
  start: (plugin) => startShells(plugin, { sshdConfig: OLD, settings: { legacyAlgorithms: true } }),
};
