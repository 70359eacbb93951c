import { z } from "zod";
import type { Device } from "../plugin.ts";
import { TRUST } from "../tls/settings.ts";

export const LdapSettings = z
  .strictObject({
    /**
     * How a password is set: `active-directory` by `unicodePwd`, `openldap` by the password modify operation (RFC
     * 3062), `attribute` by replacing an attribute.
     */
    directory: z.enum(["active-directory", "openldap", "attribute"]).default("openldap"),
    /** `ldaps` (port 636), `starttls` (port 389), or `off`: every password goes in clear (port 389). */
    tls: z.enum(["ldaps", "starttls", "off"]).default("ldaps"),
    ...TRUST,
    /** Where accounts are looked for; Active Directory tells its own when absent. */
    baseDn: z.string().min(1).optional(),
    /** Which entry an account is, with `{username}` in it; by directory when absent. */
    userFilter: z.string().includes("{username}").optional(),
    /** The DN of every account, with `{username}` in it: then nothing is looked for. */
    userDn: z.string().includes("{username}").optional(),
    /** Of directory `attribute`. */
    attribute: z.string().min(1).default("userPassword"),
    /** Of directory `attribute`: what is stored there. `ssha` is a salted SHA-1 made here (RFC 2307), which the server's rules cannot look into. */
    store: z.enum(["clear", "ssha"]).default("clear"),
  })
  .refine(({ directory, tls }) => directory !== "active-directory" || tls !== "off", {
    path: ["tls"],
    message: "Active Directory takes passwords over TLS only",
  });
export type LdapSettings = z.infer<typeof LdapSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): LdapSettings {
  return device.settings as LdapSettings;
}
