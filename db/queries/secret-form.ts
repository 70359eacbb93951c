import { eq } from "drizzle-orm";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Transaction } from "../client.ts";
import { credentials, secretVersions } from "../schema/index.ts";
import type { PluginRules } from "./eligibility.ts";

/** What a credential's plugin must be once a secret is stored. */
export const SAME_FORM = "must be one with the same kind of secret, password or key: register the account once more";

/** Whether what is stored for one plugin is no secret of the other: a password where keys are, or the other way. */
export function changesForm(plugins: readonly PluginRules[], from: string, to: string): boolean {
  const formOf = (kind: string) => plugins.find((plugin) => plugin.kind === kind)?.secretForm?.rule;
  return formOf(from) !== formOf(to);
}

/**
 * Keeps a credential's plugin from becoming one to which its stored secrets, older ones too, mean nothing.
 * @throws ApiProblem `request.invalid`
 */
export async function refuseOtherForm(
  tx: Transaction,
  { id, plugin }: { id: string; plugin: string },
  plugins: readonly PluginRules[],
): Promise<void> {
  const before = await tx.select().from(credentials).where(eq(credentials.id, id)).for("update");
  if (!before.some((row) => changesForm(plugins, row.plugin, plugin))) return;
  const kept = await tx.select().from(secretVersions).where(eq(secretVersions.credentialId, id)).limit(1);
  if (kept.length === 0) return;
  const errors = [{ field: "plugin", rule: SAME_FORM, got: "one with another kind of secret" }];
  throw new ApiProblem("request.invalid", `plugin: ${SAME_FORM}.`, { errors });
}
