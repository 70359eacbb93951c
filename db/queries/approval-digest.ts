/** What an approval binds: where the change happens and as whom. Whoever approved one thing has not approved another. */
import { createHash } from "node:crypto";

interface BoundAccount {
  readonly id: string;
  readonly username: string;
  readonly domain: string;
  readonly additionalInfo: string;
}

/** The parties of an operation, as stage and the requests read them. */
export interface ApprovalFacts {
  readonly credential: BoundAccount;
  /** The account that logs in; null when there is none any more. */
  readonly authenticator: BoundAccount | null;
  readonly device: {
    readonly address: string;
    readonly port: number | null;
    /** `SHA256:…` of the host key or certificate. */
    readonly pinnedIdentity: string | null;
    /** Per plugin kind; only those of the plugin in use are bound. */
    readonly settings: Readonly<Record<string, unknown>>;
  };
  readonly plugin: string;
  readonly templateId: string | null;
  /** The version that runs now. */
  readonly templateVersion: number | null;
  /** Values for tags of the template. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Digest of what is approved. Pure; equal facts give equal digests, whatever the order of their fields.
 * @returns SHA-256, hexadecimal
 */
export function approvalDigest(facts: ApprovalFacts): string {
  const { credential, authenticator, device, plugin, templateId, templateVersion, parameters = {} } = facts;
  const bound = {
    device: [device.address, device.port, device.pinnedIdentity],
    settings: device.settings[plugin] ?? {},
    plugin,
    template: [templateId, templateVersion, parameters],
    target: account(credential),
    authenticator: authenticator && account(authenticator),
  };
  return createHash("sha256").update(JSON.stringify(bound, sortFields)).digest("hex");
}

function account({ id, username, domain, additionalInfo }: BoundAccount): string[] {
  return [id, username, domain, additionalInfo];
}

/** A replacer: fields in the order of their names, so that the order in which they were written does not count. */
function sortFields(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
