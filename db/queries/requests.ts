/** Requests for password changes, by ids or by filter; those that cannot be changed are refused one by one. */
import { asc, eq, sql } from "drizzle-orm";
import { type ErrorCode, operatorSentence } from "../../contracts/errors.ts";
import type { ChangesAccepted, CredentialFilter } from "../../contracts/operations.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import type { Actor } from "./audit.ts";
import { credentialFilter } from "./credential-filter.ts";
import { authenticators, type PluginRules, refusalCode, uuidArray } from "./eligibility.ts";
import { clearTriggers } from "./next-change.ts";
import { openOperations } from "./open-operations.ts";

/** Changes that one request may ask for. */
const MOST = 10_000;

export interface ChangeRequest {
  /** Credentials by id, or else all that the filter matches. */
  readonly credentialIds?: readonly string[] | undefined;
  readonly filter?: CredentialFilter | undefined;
  /** When it is due; at once when absent. */
  readonly scheduledFor?: Date | undefined;
  readonly reason: string;
  readonly actor: Actor;
  readonly plugins: readonly PluginRules[];
}

/**
 * Requests a change of each credential. Two requests for one credential at the same moment end as one operation and one
 * refusal, by the unique index.
 * @throws ApiProblem `request.too-wide` when the filter matches more than 10,000 credentials
 */
export async function requestChanges(tx: Transaction, request: ChangeRequest): Promise<ChangesAccepted> {
  const { scheduledFor, reason, actor } = request;
  const asked = [...new Set(request.credentialIds?.map((id) => id.toLowerCase()))];
  const found = await readRefusals(tx, request, asked);
  const refusals = new Map<string, ErrorCode>();
  for (const id of asked) if (!found.has(id)) refusals.set(id, "credential.not-found");
  for (const [id, refusal] of found) if (refusal) refusals.set(id, refusal);
  const eligible = [...found.keys()].filter((id) => !refusals.has(id));
  // Credentials are locked before their operations are inserted, as the policies' pass does.
  await clearTriggers(tx, eligible);
  const opened = await openOperations(tx, {
    kind: "change-password",
    priority: 2,
    reason,
    actor,
    items: eligible.map((credentialId) => ({ credentialId, trigger: "request", dueAt: scheduledFor })),
  });
  const taken = new Set(opened.map(({ credentialId }) => credentialId));
  for (const id of eligible) if (!taken.has(id)) refusals.set(id, "credential.change-open");
  return { operations: opened, refused: await describeRefusals(tx, refusals) };
}

/** What stands in the way of each change; null: nothing. */
async function readRefusals(
  tx: Transaction,
  { filter, plugins }: ChangeRequest,
  ids: readonly string[],
): Promise<Map<string, ErrorCode | null>> {
  const rows = await tx
    .select({ id: credentials.id, refusal: refusalCode(plugins) })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(authenticators, eq(authenticators.id, credentials.authenticationCredentialId))
    .where(filter ? credentialFilter(filter, plugins) : sql`${credentials.id} = any(${uuidArray(ids)})`)
    .orderBy(asc(credentials.id))
    .limit(MOST + 1);
  if (rows.length > MOST) throw new ApiProblem("request.too-wide");
  return new Map(rows.map(({ id, refusal }) => [id, refusal]));
}

async function describeRefusals(
  tx: Transaction,
  refusals: ReadonlyMap<string, ErrorCode>,
): Promise<ChangesAccepted["refused"]> {
  const open = [...refusals].filter(([, code]) => code === "credential.change-open").map(([id]) => id);
  const rows =
    open.length === 0
      ? []
      : await tx.execute<{ credential: string; code: string }>(sql`
          select open_credential_id as credential, code from operations
          where open_credential_id = any(${uuidArray(open)})`);
  const openCodes = new Map(rows.map(({ credential, code }) => [credential, Number(code)]));
  return [...refusals].map(([credentialId, code]) => {
    const openCode = openCodes.get(credentialId);
    return { credentialId, code, detail: operatorSentence(code), ...(openCode === undefined ? {} : { openCode }) };
  });
}
