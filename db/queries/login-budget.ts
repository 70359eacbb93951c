/**
 * The log-in budget: failed log-ins of one account within a window, so that Keyturn never locks an account out.
 * A log-in is reserved before it is made; a crash leaves the reservation behind, and it counts as failed. While nothing
 * but such crashes uses the budget up, the unit that is kept for probes may be used by one log-in at a time: its success
 * resets the account, so that a worker's death does not keep a shared account from working until the window is over.
 */
import { and, eq, or, sql } from "drizzle-orm";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { loginReservations } from "../schema/index.ts";

/** A reservation this old without an answer belongs to a worker that died: it counts as failed. */
const LOST_AFTER = sql`interval '1 minute'`;

/** Names an account for the budget: within its domain when it has one, else on its device. */
export function accountKey(account: { deviceId: string; username: string; domain: string }): string {
  return account.domain === "" ? `${account.deviceId}/${account.username}` : `${account.domain}\\${account.username}`;
}

/** A log-in that may be made. */
export interface Reserved {
  readonly id: string;
  readonly account: string;
}

export type Reservation = Reserved | { readonly freeAt: Date; readonly underWay: boolean };

/**
 * Reserves one log-in.
 * @param forProbe probes may use the last unit, which is always kept for them
 * @returns the reservation; or when a unit frees for certain, and whether one may come back any moment
 */
export async function reserveLogin(
  db: Database,
  request: { account: string; forProbe: boolean; settings: Settings },
): Promise<Reservation> {
  const { account, forProbe, settings } = request;
  const limit = forProbe ? settings.loginFailures : Math.max(1, settings.loginFailures - 1);
  const window = sql`make_interval(mins => ${settings.loginWindowMinutes})`;
  const [answer] = await db.execute<{ reserved: string | null; freeAt: string; underWay: boolean }>(sql`
    select reserved, free_at as "freeAt", under_way as "underWay"
    from reserve_login(${newId()}, ${account}, ${limit}, ${settings.loginFailures}, ${window}, ${LOST_AFTER})`);
  if (!answer) throw new Error("the reservation gave no row");
  if (answer.reserved !== null) return { id: answer.reserved, account };
  return { freeAt: new Date(answer.freeAt), underWay: answer.underWay };
}

/** What became of a reserved log-in: `accepted` resets the account, `rejected` uses the unit, `unknown` returns it. */
export async function returnLogin(
  db: Database | Transaction,
  reservation: Reserved,
  answer: "accepted" | "rejected" | "unknown",
): Promise<void> {
  const own = eq(loginReservations.id, reservation.id);
  if (answer === "rejected") {
    await db
      .insert(loginReservations)
      .values({ ...reservation, failed: sql`now()` })
      .onConflictDoUpdate({ target: loginReservations.id, set: { failed: sql`now()` } });
    return;
  }
  const over = sql`(${loginReservations.failed} is not null or ${loginReservations.reservedAt} < now() - ${LOST_AFTER})`;
  const reset = and(eq(loginReservations.account, reservation.account), or(own, over));
  await db.delete(loginReservations).where(answer === "accepted" ? reset : own);
}

/** When an account's budget frees, if it is used up by failures; undefined while it may log in. */
export function budgetFreeAt(account: string, settings: Settings) {
  const limit = Math.max(1, settings.loginFailures - 1);
  const all = settings.loginFailures;
  const window = sql`make_interval(mins => ${settings.loginWindowMinutes})`;
  return sql<Date | null>`(select case when count(*) >= case when count(${loginReservations.failed}) > 0 then ${limit}::int else ${all}::int end then min(${loginReservations.reservedAt}) + ${window} end
    from ${loginReservations} where ${loginReservations.account} = ${account}
    and (${loginReservations.failed} is not null or ${loginReservations.reservedAt} < now() - ${LOST_AFTER})
    and ${loginReservations.reservedAt} > now() - ${window})`;
}
