import { sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Transaction } from "../client.ts";
import type { OperationRow } from "./stage-facts.ts";

/**
 * Makes changes that have not begun into a parent's: due now, whatever approval or window they waited for, for the
 * parent's change was approved. An attempt that waits out its interval keeps doing so. Those that began meanwhile are
 * left alone.
 * @param codes of open operations of the parent's children
 * @returns the runs whose rows were changed
 */
export async function retarget(
  tx: Transaction,
  parent: OperationRow,
  codes: readonly number[],
): Promise<OperationRef[]> {
  if (codes.length === 0) return [];
  // Due now and not before: nobody has missed a worker while it waited for an approval or a window.
  const due = sql`case when o.run_attempts > 0 then greatest(o.due_at, now()) else now() end`;
  const rows = await tx.execute<{ code: string; run: number }>(sql`
    with waiting as (
      select code, kind, state from operations
      where code = any(${`{${codes.join(",")}}`}::bigint[]) and state in ('scheduled', 'awaiting-approval')
      order by code for update
    ), changed as (
      update operations o set kind = 'child-password-change', trigger = 'parent', parent_code = ${parent.code},
        priority = least(o.priority, 2), state = 'scheduled', approval = null, approval_digest = null,
        approval_expires_at = null, scheduled_for = least(o.scheduled_for, now()), due_at = ${due},
        wake_at = ${due},
        waiting_for = case when o.waiting_for in ('device', 'login-budget', 'authenticator', 'worker') then o.waiting_for
          when ${due} > now() then 'time' else 'queue' end
      from waiting where o.code = waiting.code
      returning o.code, o.run, waiting.kind, waiting.state
    ), noted as (
      insert into audit (actor, action, object_type, object_id, operation_code, details)
      select 'worker', 'operation.retargeted', 'operation', code::text, code,
        jsonb_build_object('parent', ${parent.code}::bigint, 'kind', kind, 'before', state, 'state', 'scheduled')
      from changed
    )
    select code, run from changed`);
  return rows.map(({ code, run }) => ({ code: Number(code), run }));
}
