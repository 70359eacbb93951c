/** Operations that wait for an approval, and who decides about them. */
import { sql } from "drizzle-orm";
import type { ChangesAccepted, Operation } from "../../contracts/operations.schema.ts";
import type { ApprovalLevel } from "../../contracts/policy.ts";
import type { Database } from "../../db/client.ts";
import { newId } from "../../db/new-id.ts";
import { credentials, policies } from "../../db/schema/index.ts";
import type { Ask } from "./api.ts";

/** Whether each password change needs so many approvals from now on, whoever asks for it. */
export async function needApprovals(db: Database, approvals: number): Promise<void> {
  const patch = JSON.stringify({ approvalsByKind: { "change-password": approvals, "reconcile-password": approvals } });
  await db.execute(sql`update settings set values = values || ${patch}::jsonb`);
}

/** Puts all credentials under a policy with these levels. */
export async function putUnderPolicy(db: Database, levels: readonly ApprovalLevel[]): Promise<string> {
  const id = newId();
  await db.insert(policies).values({ id, name: id, approval: { levels, expiresMinutes: 60 } });
  await db.update(credentials).set({ policyId: id });
  return id;
}

/** Requests a change of each; all must be accepted. */
export async function requestChanges(asker: Ask, credentialIds: readonly string[], more: object = {}) {
  const { status, body } = await asker<ChangesAccepted>("POST", "/v1/password-changes", {
    body: { credentialIds, ...more },
  });
  if (status !== 202 || body.refused.length > 0) throw new Error(`refused: ${JSON.stringify(body)}`);
  return body.operations;
}

export type Decision = "approve" | "reject";

/** Asks as a person; the answer is the operation or a problem. */
export function decide(
  who: Ask,
  { code, decision }: { code: number; decision: Decision },
  more: Parameters<Ask>[2] = {},
) {
  return who<Omit<Operation, "code" | "state"> & { code: number | string; state: string; detail: string }>(
    "POST",
    `/v1/operations/${code}/${decision}`,
    more,
  );
}
