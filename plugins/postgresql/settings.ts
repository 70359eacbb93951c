import { z } from "zod";
import type { Device } from "../plugin.ts";
import { TRUST } from "../tls/settings.ts";

export const PostgresqlSettings = z.strictObject({
  /** Database to log in to; roles belong to the whole server. */
  database: z.string().min(1).default("postgres"),
  /** `off` sends everything unencrypted, and then only SCRAM log-ins are made. */
  tls: z.enum(["verify", "off"]).default("verify"),
  ...TRUST,
});
export type PostgresqlSettings = z.infer<typeof PostgresqlSettings>;

/** The settings of a device, which the contract says are parsed already: parsing a certificate again takes 0.1 ms. */
export function settingsOf(device: Device): PostgresqlSettings {
  return device.settings as PostgresqlSettings;
}
