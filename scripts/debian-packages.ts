import { spawnSync } from "node:child_process";
import { existsSync, globSync, rmSync, writeFileSync } from "node:fs";

/** Debian packages that tests on real servers need, each with a file that is there when it is installed. */
const PROOFS = {
  "openssh-server": "/usr/sbin/sshd",
  sudo: "/usr/bin/sudo",
  "libpam-pwquality": "/{usr/,}lib/*/security/pam_pwquality.so",
  "cracklib-runtime": "/usr/sbin/cracklib-check",
  "libpam-google-authenticator": "/{usr/,}lib/*/security/pam_google_authenticator.so",
  oathtool: "/usr/bin/oathtool",
  "redis-server": "/usr/bin/redis-server",
  "mariadb-server": "/usr/sbin/mariadbd",
  slapd: "/usr/sbin/slapd",
  samba: "/usr/sbin/samba",
  "samba-ad-provision": "/usr/share/samba/setup/provision.ldif",
  "samba-dsdb-modules": "/{usr/,}lib/*/samba/ldb/samba_dsdb.so",
  "samba-vfs-modules": "/{usr/,}lib/*/samba/vfs/acl_xattr.so",
  frr: "/usr/lib/frr/staticd",
  "inetutils-telnetd": "/usr/sbin/telnetd",
  "inetutils-inetd": "/usr/sbin/inetutils-inetd",
} as const;

export type DebianPackage = keyof typeof PROOFS;

const DEBIAN_PACKAGES = Object.keys(PROOFS) as DebianPackage[];

/** Those of `names` that are not installed here. */
export function missingPackages(names: readonly DebianPackage[] = DEBIAN_PACKAGES): DebianPackage[] {
  return names.filter((name) => {
    const proof = PROOFS[name];
    return proof.includes("*") ? globSync(proof).length === 0 : !existsSync(proof);
  });
}

/** What packages ask before they start a service: tests must not leave an sshd on port 22 of the machine. */
const START_POLICY = "/usr/sbin/policy-rc.d";

/** Installs what is missing, as root on Debian; otherwise the tests that need it are skipped by name. */
export function installMissingPackages(): void {
  const missing = missingPackages();
  if (missing.length === 0 || process.getuid?.() !== 0 || aptGet(["--version"]) !== 0) return;
  console.log(`Installing for the tests: ${missing.join(", ")}`);
  const isPolicyOurs = !existsSync(START_POLICY);
  if (isPolicyOurs) writeFileSync(START_POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    aptGet(["update"]);
    aptGet(["install", "-y", "--no-install-recommends", ...missing]);
  } finally {
    if (isPolicyOurs) rmSync(START_POLICY, { force: true });
  }
}

function aptGet(args: readonly string[]): number | null {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "ignore", "inherit"] }).status;
}
