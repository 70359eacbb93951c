import { X509Certificate } from "node:crypto";
import { z } from "zod";

/** Settings of every plugin that speaks TLS: whom to trust. */
export const TRUST = {
  /** PEM of the authority that signed the server's certificate; those of Node when absent. */
  caCertificate: z.string().refine(isCertificate, "must be a certificate in PEM").optional(),
  /** Name the certificate must carry, when it is not the device's address. */
  serverName: z.string().min(1).optional(),
};

/** Parsed {@link TRUST}. */
export interface Trust {
  readonly caCertificate?: string | undefined;
  readonly serverName?: string | undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
