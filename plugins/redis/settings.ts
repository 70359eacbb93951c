import { z } from "zod";
import type { Device } from "../plugin.ts";
import { TRUST } from "../tls/settings.ts";

export const RedisSettings = z.strictObject({
  /** `off` sends the password of every log-in in clear. */
  tls: z.enum(["verify", "off"]).default("verify"),
  ...TRUST,
});
type RedisSettings = z.infer<typeof RedisSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): RedisSettings {
  return device.settings as RedisSettings;
}
