import { z } from "zod";
import type { Device } from "../plugin.ts";

export const OracleSettings = z.strictObject({
  /** Service to log in to; users of a pluggable database belong to it alone. The credential's additional information goes first. */
  serviceName: z
    .string()
    .regex(/^[\w.$#-]{1,128}$/)
    .optional(),
  /**
   * `verify`: TCPS, by the authorities of Node: the driver takes others only out of a wallet with a private key. `off`: unencrypted;
   * the password itself is hidden at the log-in, but not in a change.
   */
  tls: z.enum(["verify", "off"]).default("verify"),
});
type OracleSettings = z.infer<typeof OracleSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): OracleSettings {
  return device.settings as OracleSettings;
}
