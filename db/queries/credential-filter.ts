import { and, eq, gte, ilike, isNotNull, isNull, type SQL, sql } from "drizzle-orm";
import type { CredentialQuery } from "../../contracts/credentials.schema.ts";
import { credentials, devices } from "../schema/index.ts";
import { contains } from "./cursor.ts";
import { type PluginRules, refusalCode } from "./eligibility.ts";

/**
 * Which credentials a list shows, and a request by filter means. The query must join `devices` and `authenticators`.
 */
export function credentialFilter(
  query: Omit<CredentialQuery, "cursor" | "limit">,
  plugins: readonly PluginRules[],
): SQL | undefined {
  return and(
    query.username === undefined ? undefined : ilike(credentials.username, contains(query.username)),
    query.device === undefined ? undefined : ilike(devices.name, contains(query.device)),
    query.deviceId === undefined ? undefined : eq(credentials.deviceId, query.deviceId),
    query.plugin === undefined ? undefined : eq(credentials.plugin, query.plugin),
    query.active === undefined ? undefined : eq(credentials.active, query.active),
    query.changeable === undefined ? undefined : sql`((${refusalCode(plugins)}) is null) = ${query.changeable}`,
    query.policyId === undefined ? undefined : eq(credentials.policyId, query.policyId),
    query.refused === undefined ? undefined : sql`(${credentials.automaticRefusal} is not null) = ${query.refused}`,
    query.attention === undefined
      ? undefined
      : query.attention
        ? isNotNull(credentials.attention)
        : isNull(credentials.attention),
    query.lastCheck === undefined ? undefined : eq(credentials.lastCheck, query.lastCheck),
    query.lastCheckSince === undefined ? undefined : gte(credentials.lastCheckSince, query.lastCheckSince),
  );
}
