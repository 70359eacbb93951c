import { type Account, type Call, type Device, PluginFailure } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { fill } from "./fill.ts";
import { settingsOf } from "./settings.ts";

/** Which entry an account is, where the device says nothing. */
const FILTERS = {
  "active-directory": "(&(objectCategory=person)(objectClass=user)(sAMAccountName={username}))",
  openldap: "(uid={username})",
  attribute: "(uid={username})",
} as const;

/**
 * What says that no password of an account would log in. The computed attribute knows that a lock-out is over, which
 * `lockoutTime` does not: https://learn.microsoft.com/en-us/windows/win32/adschema/a-msds-user-account-control-computed
 */
const LOCKS = {
  "active-directory": ["userAccountControl", "msDS-User-Account-Control-Computed"],
  openldap: ["pwdAccountLockedTime"],
  attribute: ["pwdAccountLockedTime"],
} as const;
/** Bits of both: ACCOUNTDISABLE, LOCKOUT. */
const SHUT = 0x2 | 0x10;
/** Locked by an administrator without end; a change of the password would unlock it (draft-behera-ldap-password-policy). */
const FOR_GOOD = "000001010000Z";

export interface Found {
  readonly dn: string;
  /** Switched off, locked out, or locked for good. */
  readonly locked: boolean;
}

interface Naming {
  readonly device: Device;
  readonly connection: Connection;
  readonly call: Call;
  readonly account: Account;
}

/**
 * The name that an account logs in with: its DN, or for Active Directory a name with a domain. Where neither the name
 * nor `userDn` tells the DN, it is looked for before the log-in.
 * @throws PluginFailure
 */
export async function bindName(naming: Naming): Promise<string> {
  const { device, account } = naming;
  const { directory, userDn } = settingsOf(device);
  const { username, domain } = account;
  if (username === "" || username.includes("\0"))
    throw new PluginFailure("account.unknown", "No account of a directory can have this name.");
  if (isDn(username)) return username;
  if (userDn) return fill(userDn, username, "ldap-dn");
  if (directory === "active-directory") {
    if (/[@\\]/.test(username)) return username;
    // A name without a dot is that of the time before DNS.
    if (domain !== "" && !domain.includes(".")) return `${domain}\\${username}`;
    return `${username}@${domain || domainOf(await baseDn(naming))}`;
  }
  return (await find(naming)).dn;
}

/**
 * The one entry of an account.
 * @throws PluginFailure `account.unknown` when there is none
 */
export async function findAccount(naming: Naming): Promise<Found> {
  const { device, account } = naming;
  const { userDn } = settingsOf(device);
  if (isDn(account.username)) return find(naming, account.username);
  return userDn ? find(naming, fill(userDn, account.username, "ldap-dn")) : find(naming);
}

async function find(naming: Naming, dn?: string): Promise<Found> {
  const { connection, call, device, account } = naming;
  const { directory, userFilter = FILTERS[directory] } = settingsOf(device);
  const where = dn
    ? ({ base: dn, scope: "base" } as const)
    : ({
        base: await baseDn(naming),
        scope: "sub",
        filter: fill(userFilter, account.username, "ldap-filter"),
      } as const);
  const entries = await connection.search(call, { ...where, attributes: LOCKS[directory], limit: 2 });
  const [entry] = entries;
  if (!entry) throw new PluginFailure("account.unknown", "The directory has no entry of this account.");
  if (entries.length > 1) throw new PluginFailure("target.unexpected", "More than one entry fits this account.");
  return { dn: entry.dn, locked: LOCKS[directory].some((name) => isShut(entry[name])) };
}

function isShut(value: unknown): boolean {
  return value === FOR_GOOD || (Number(value) & SHUT) !== 0;
}

/** Where to look, as the device says or else the directory's own. @throws PluginFailure when neither says one place */
export async function baseDn({ device, connection, call }: Omit<Naming, "account">): Promise<string> {
  const { baseDn: given } = settingsOf(device);
  if (given) return given;
  const names = ["defaultNamingContext", "namingContexts"];
  const [root] = await connection.search(call, { base: "", scope: "base", attributes: names, limit: 1 });
  const base = names.map((name) => root?.[name]).find((value) => typeof value === "string" && value !== "");
  if (typeof base === "string") return base;
  throw new PluginFailure("target.unexpected", "The directory does not tell one place to look in: set `baseDn`.");
}

/** `DC=example,DC=org` as `example.org`. */
function domainOf(base: string): string {
  return [...base.matchAll(/dc=([^,]+)/gi)].map(([, part]) => part).join(".");
}

/** Two parts at least: an account below the top. Such a name is never a mere user name. */
export function isDn(name: string): boolean {
  return /^[A-Za-z][\w-]*=(?:\\.|[^\\,])+(?:, ?[A-Za-z][\w-]*=(?:\\.|[^\\,])+)+$/.test(name);
}
