import { sql } from "drizzle-orm";
import type { Site } from "../../contracts/policies.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";

/** Every site that a device names or that was ever paused, by name. */
export async function listSites(db: Database): Promise<Site[]> {
  return readSites(db);
}

/** @throws ApiProblem `request.not-found` for a site that no device names */
export async function readSite(db: Database | Transaction, name: string): Promise<Site> {
  const [site] = await readSites(db, name);
  if (!site) throw new ApiProblem("request.not-found", "No device names this site.");
  return site;
}

async function readSites(db: Database | Transaction, name: string | null = null): Promise<Site[]> {
  const rows = await db.execute<Omit<Site, "pausedAt"> & { pausedAt: string | null }>(sql`
    with counted as (
      select d.site as name, count(distinct d.id) filter (where d.active)::int as devices,
        count(c.id) filter (where d.active and c.active)::int as credentials
      from devices d left join credentials c on c.device_id = d.id
      where ${name}::text is null or d.site = ${name} group by d.site)
    select coalesce(n.name, s.name) as name, coalesce(n.devices, 0) as devices, coalesce(n.credentials, 0) as credentials,
      coalesce(s.paused, false) as paused, coalesce(s.paused_reason, '') as "pausedReason", s.paused_at as "pausedAt"
    from counted n full join sites s on s.name = n.name
    where ${name}::text is null or coalesce(n.name, s.name) = ${name} order by 1`);
  return rows.map((row) => ({ ...row, pausedAt: row.pausedAt === null ? null : new Date(row.pausedAt).toISOString() }));
}
