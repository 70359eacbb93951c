import type { ErrorCode } from "../../contracts/errors.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { isJob, setsPassword } from "../../contracts/states.ts";
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
  if (setsPassword(operation)) {
    if (policyId) await countPolicyError(tx, { policyId, code: reason, limit: settings.errorsThatPause });
    // Whoever asked for it: what has just failed is not tried by a policy in the next minute.
    await coolDown(tx, { credentialId, policyId, days: settings.coolDownDays });
  }
  // Of a job only the log-in can say something of a stored password: that of the account that made it.
  if (!isJob(operation) || operation.authenticatorId === credentialId)
    await autoReconcile(tx, { credentialId, outcome: reason, code }, settings);
}
