/** Many operations of many credentials of one device, made in the database; and actions on them through the API. */
import { sql } from "drizzle-orm";
import type { ActionResults } from "../../contracts/operation-actions.schema.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "./api.ts";
import { requestChanges } from "./approvals.ts";

export interface Many {
  readonly api: TestApi;
  readonly operator: Ask;
  readonly approver: Ask;
  /** Codes of new operations of new credentials, in their order; all others are canceled. */
  open(count: number): Promise<number[]>;
  /** As an attempt that failed for good leaves them. */
  end(codes: readonly number[]): Promise<void>;
  /** Audit rows of the action, and operations that have one. */
  audited(action: string, codes: readonly number[]): Promise<{ count: number; distinct: number } | undefined>;
}

export async function openMany(): Promise<Many> {
  const api = await openTestApi();
  const { deviceId } = await makeCredentials(await api.as(["administrator"], "Ada"), 0, "bulk");
  const operator = await api.as(["operator"], "Olga");
  const approver = await api.as(["approver"], "Ben");
  return {
    api,
    operator,
    approver,
    async open(count) {
      await api.db.execute(sql`update operations set state = 'canceled', open_credential_id = null, wake_at = null`);
      const made = await api.db.execute<{ id: string }>(sql`
        with made as (insert into credentials (id, device_id, plugin, username, automatic_change)
          select gen_random_uuid(), ${deviceId}, 'plain', gen_random_uuid()::text, true from generate_series(1, ${count})
          returning id), stored as (insert into secret_versions (id, credential_id, version, status, sealed, origin)
          select gen_random_uuid(), id, 1, 'current', 'x', 'stored' from made)
        select id from made`);
      const ids = made.map(({ id }) => id);
      return (await requestChanges(operator, ids)).map(({ code }) => code).toSorted((a, b) => a - b);
    },
    async end(codes) {
      await api.db.execute(sql`update operations set state = 'error', open_credential_id = null, wake_at = null,
        waiting_for = null, outcome = 'target.unreachable', ended_at = now()
        where code = any(${sql.param(codes)}::bigint[])`);
    },
    async audited(action, codes) {
      const [row] = await api.db.execute<{ count: number; distinct: number }>(sql`select count(*)::int as count,
        count(distinct operation_code)::int as distinct from audit where action = ${action}
        and operation_code = any(${sql.param(codes)}::bigint[])`);
      return row;
    },
  };
}

/** Asks for an action on many. */
export function act(who: Ask, body: object, headers: Record<string, string> = {}) {
  return who<ActionResults & { code?: string; errors?: { field: string }[] }>("POST", "/v1/operations/actions", {
    body,
    headers,
  });
}
