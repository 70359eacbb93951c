/** Set-based reading of what approvals bind, for requests and decisions. Stage reads the same facts one by one. */
import { eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { OperationKind } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import { approvalDigest } from "./approval-digest.ts";
import { uuidArray } from "./eligibility.ts";
import { type PartiesOf, readParties } from "./stage-facts.ts";

/** Columns of the accounts that are bound. */
function account<T extends typeof credentials | typeof others>(table: T) {
  const columns: Pick<T, "id" | "username" | "domain" | "additionalInfo"> = table;
  return { id: columns.id, username: columns.username, domain: columns.domain, additionalInfo: columns.additionalInfo };
}

const others = alias(credentials, "others");

/** The digest of each credential's operation of the kind, as it would be carried out now. */
export async function readApprovalDigests(
  tx: Transaction,
  kind: OperationKind,
  credentialIds: readonly string[],
): Promise<Map<string, string>> {
  if (credentialIds.length === 0) return new Map();
  const reconciles = kind === "reconcile-password";
  const other = reconciles ? credentials.reconciliationCredentialId : credentials.authenticationCredentialId;
  const plugin = reconciles
    ? sql<string>`coalesce(${credentials.reconciliationPlugin}, ${credentials.plugin})`
    : credentials.plugin;
  const template = reconciles ? credentials.reconciliationTemplateId : credentials.templateId;
  const rows = await tx
    .select({
      credential: account(credentials),
      other: account(others),
      own:
        kind === "verify-password"
          ? sql<boolean>`true`
          : reconciles
            ? sql<boolean>`false`
            : credentials.useOwnCredential,
      address: devices.address,
      port: devices.port,
      pinnedIdentity: devices.pinnedIdentity,
      settings: sql<unknown>`${devices.settings} -> ${plugin}`,
      plugin,
      templateId: template,
      templateVersion: sql<number | null>`(select active_version from templates where id = ${template} and active)`,
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(others, eq(others.id, other))
    .where(sql`${credentials.id} = any(${uuidArray(credentialIds)})`);
  return new Map(
    rows.map(({ credential, other: second, own, settings, address, port, pinnedIdentity, ...used }) => [
      credential.id,
      approvalDigest({
        ...used,
        credential,
        authenticator: own ? credential : second,
        device: { address, port, pinnedIdentity, settings: { [used.plugin]: settings ?? undefined } },
      }),
    ]),
  );
}

/**
 * The digest of an operation that runs a template of its own: of its parties, as stage reads them.
 * @returns an empty text when it has no account any more that logs in: nobody has approved that
 */
export async function readApprovalDigest(tx: Transaction, operation: PartiesOf): Promise<string> {
  const parties = await readParties(tx, operation);
  return parties ? approvalDigest(parties) : "";
}
