import { z } from "zod";
import type { Device } from "../plugin.ts";
import { TRUST } from "../tls/settings.ts";

export const MysqlSettings = z.strictObject({
  /** `off` sends everything unencrypted; the password itself then goes only to log-ins that hide it in a hash. */
  tls: z.enum(["verify", "off"]).default("verify"),
  ...TRUST,
  /**
   * What MariaDB is sent of a new password. `clear` is for servers that check passwords themselves and take no hash
   * (`strict_password_validation`): they write it into their general log and binary log.
   */
  passwordForm: z.enum(["hash", "clear"]).default("hash"),
});
type MysqlSettings = z.infer<typeof MysqlSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): MysqlSettings {
  return device.settings as MysqlSettings;
}
