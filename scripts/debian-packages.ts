import { existsSync, globSync } from "node:fs";

/** Debian packages that tests on real servers need, each with a file that is there when it is installed. */
const PROOFS = {
  "openssh-server": "/usr/sbin/sshd",
  sudo: "/usr/bin/sudo",
  "libpam-pwquality": "/{usr/,}lib/*/security/pam_pwquality.so",
  "cracklib-runtime": "/usr/sbin/cracklib-check",
  "libpam-google-authenticator": "/{usr/,}lib/*/security/pam_google_authenticator.so",
  oathtool: "/usr/bin/oathtool",
} as const;

export type DebianPackage = keyof typeof PROOFS;

export const DEBIAN_PACKAGES = Object.keys(PROOFS) as DebianPackage[];

/** Those of `names` that are not installed here. */
export function missingPackages(names: readonly DebianPackage[] = DEBIAN_PACKAGES): DebianPackage[] {
  return names.filter((name) => {
    const proof = PROOFS[name];
    return proof.includes("*") ? globSync(proof).length === 0 : !existsSync(proof);
  });
}
