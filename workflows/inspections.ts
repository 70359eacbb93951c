import type { ErrorCode } from "../contracts/errors.ts";
import type { CheckResult, RehearsalInput, RehearsalResult } from "../contracts/messages.ts";
import { inspections, rehearsals } from "./activity-options.ts";

/** Whether a credential's stored password logs in, asked by a person. */
export async function checkCredential(input: { credentialId: string; site: string }): Promise<CheckResult> {
  return inspections(input.site, "log in with the stored password").checkCredential(input.credentialId);
}

/** Asks a device for its host key or certificate; what it shows is kept as seen, not as trusted. */
export async function identifyDevice(input: { deviceId: string; site: string }): Promise<{ code: ErrorCode | "seen" }> {
  return inspections(input.site, "read the host key or certificate").identifyDevice(input.deviceId);
}

/** How far a credential's template gets on the device without a password. */
export async function rehearseTemplate(input: RehearsalInput): Promise<RehearsalResult> {
  return rehearsals(input.site).rehearse(input);
}
