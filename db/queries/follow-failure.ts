import type { ErrorCode } from "../../contracts/errors.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { isAutomatic } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { coolDown } from "./next-change.ts";
import { countPolicyError } from "./policy-errors.ts";
import { autoReconcile } from "./reconcile.ts";
import type { OperationRow } from "./stage-facts.ts";

/** What a failure sets off once the credential is free: a pause of its policy, a cool-down, a reconciliation. */
export async function followFailure(
  tx: Transaction,
  operation: OperationRow,
  failed: { reason: ErrorCode; settings: Settings },
): Promise<void> {
  const { code, credentialId, policyId } = operation;
  const { reason, settings } = failed;
  if (policyId && operation.kind !== "verify-password")
    await countPolicyError(tx, { policyId, code: reason, limit: settings.errorsThatPause });
  if (isAutomatic(operation.trigger)) await coolDown(tx, { credentialId, days: settings.coolDownDays });
  await autoReconcile(tx, { credentialId, outcome: reason, code }, settings);
}
