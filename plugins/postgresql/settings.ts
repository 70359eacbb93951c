import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Device } from "../plugin.ts";

export const PostgresqlSettings = z.strictObject({
  /** Database to log in to; roles belong to the whole server. */
  database: z.string().min(1).default("postgres"),
  /** `off` sends everything unencrypted, and then only SCRAM log-ins are made. */
  tls: z.enum(["verify", "off"]).default("verify"),
  /** PEM of the authority that signed the server's certificate; those of Node when absent. */
  caCertificate: z.string().refine(isCertificate, "must be a certificate in PEM").optional(),
  /** Name the certificate must carry, when it is not the device's address. */
  serverName: z.string().min(1).optional(),
});
export type PostgresqlSettings = z.infer<typeof PostgresqlSettings>;

/** The settings of a device, which the contract says are parsed already: parsing a certificate again takes 0.1 ms. */
export function settingsOf(device: Device): PostgresqlSettings {
  return device.settings as PostgresqlSettings;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
