/** Whose values the tags of a template stand for, as far as they are no secret. */
import { eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";

const others = alias(credentials, "log_in_with");

/**
 * A credential with its device and the account that logs in for it.
 * @throws ApiProblem `credential.not-found`, `credential.no-authenticator`
 */
export async function readTemplateSubject(db: Database, credentialId: string) {
  const [row] = await db
    .select({
      account: { username: credentials.username, additionalInfo: credentials.additionalInfo },
      login: { username: others.username, domain: others.domain },
      device: {
        name: devices.name,
        address: devices.address,
        port: devices.port,
        domain: devices.domain,
        url: devices.url,
      },
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(
      others,
      sql`${others.id} = case when ${credentials.useOwnCredential} then ${credentials.id}
        else ${credentials.authenticationCredentialId} end`,
    )
    .where(eq(credentials.id, credentialId));
  if (!row) throw new ApiProblem("credential.not-found");
  const { login } = row;
  if (!login) throw new ApiProblem("credential.no-authenticator");
  return { ...row, login };
}
