import { z } from "zod";
import type { Device } from "../plugin.ts";
import { TRUST } from "../tls/settings.ts";

export const SqlServerSettings = z.strictObject({
  /** Database to log in to; logins belong to the whole server. */
  database: z.string().min(1).default("master"),
  /** `off` sends everything unencrypted, passwords too. */
  tls: z.enum(["verify", "off"]).default("verify"),
  ...TRUST,
});
export type SqlServerSettings = z.infer<typeof SqlServerSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): SqlServerSettings {
  return device.settings as SqlServerSettings;
}
