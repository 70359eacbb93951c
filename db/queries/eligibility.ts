/** Whether a credential accepts a change now (one expression for the list and for the request), and why not. */
import { type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { SecretForm } from "../../contracts/secret.ts";
import { credentials, devices } from "../schema/index.ts";

/** What eligibility must know of each plugin. */
export interface PluginRules {
  readonly kind: string;
  readonly capabilities: {
    readonly template: "none" | "optional" | "required";
    readonly ownAccount: boolean;
    readonly otherAccount: boolean;
  };
  /** Set where a secret is no password out of an alphabet. */
  readonly secretForm?: Pick<SecretForm, "rule" | "fits">;
}

export const authenticators = alias(credentials, "authenticators");

/** A text array parameter, in PostgreSQL's own notation. */
export function textArray(items: readonly string[]): SQL {
  return sql`${`{${items.map((item) => JSON.stringify(item)).join(",")}}`}::text[]`;
}

/** Ids were parsed as UUIDs, so the notation needs no quoting. */
export function uuidArray(ids: readonly string[]): SQL {
  return sql`${`{${ids.join(",")}}`}::uuid[]`;
}

/**
 * The catalogue code that stands in the way of a change, or null. The query must join `devices` and
 * {@link authenticators}.
 */
export function refusalCode(plugins: readonly PluginRules[]): SQL<ErrorCode | null> {
  return sql<ErrorCode | null>`coalesce(${settingsRefusal(plugins)}, case
    when ${credentials.attention} is not null then 'credential.attention'
    when exists (select 1 from operations where open_credential_id = ${credentials.id}) then 'credential.change-open'
  end)`;
}

/**
 * The same for what is set up and stored alone, whatever happened to the credential.
 * @param automatic whether its owner must have switched automatic change on
 */
export function settingsRefusal(plugins: readonly PluginRules[], automatic = true): SQL<ErrorCode | null> {
  const kinds = (wanted: (capabilities: PluginRules["capabilities"]) => boolean) =>
    textArray(plugins.filter(({ capabilities }) => wanted(capabilities)).map(({ kind }) => kind));
  const login = sql`case when ${credentials.useOwnCredential} then ${credentials.id} else ${authenticators.id} end`;
  return sql<ErrorCode | null>`case
    when not ${credentials.active} then 'credential.inactive'
    when not ${devices.active} then 'device.inactive'
    when ${automatic} and not ${credentials.automaticChange} then 'credential.not-automatic'
    when not ${credentials.plugin} = any(${kinds(() => true)}) then 'credential.plugin-unknown'
    when ${credentials.templateId} is null and ${credentials.plugin} = any(${kinds((can) => can.template === "required")})
      then 'credential.no-template'
    when ${credentials.useOwnCredential} and not ${credentials.plugin} = any(${kinds((can) => can.ownAccount)})
      then 'credential.no-authenticator'
    when not ${credentials.useOwnCredential} and (${authenticators.active} is not true
      or not ${credentials.plugin} = any(${kinds((can) => can.otherAccount)})) then 'credential.no-authenticator'
    when not exists (select 1 from secret_versions where status = 'current' and credential_id = ${login})
      then 'credential.no-password'
  end`;
}
