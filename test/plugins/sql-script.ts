import type { Secret } from "../../contracts/secret.ts";
import type { Account, Plugin } from "../../plugins/plugin.ts";
import { readTemplate } from "../../templates/language/read.ts";
import type { BoundScript } from "../../templates/language/script.ts";

/** A template of a plugin, bound to an account and the passwords of one execution. */
export function bindTemplate(
  plugin: Plugin,
  body: string,
  to: { account: Account; next?: Secret; parameters?: Readonly<Record<string, string>> },
): BoundScript {
  if (!plugin.language) throw new Error(`${plugin.kind} takes no template`);
  const { script, complaints } = readTemplate(body, plugin.language);
  const refusal = complaints.find(({ severity }) => severity === "refusal");
  if (refusal) throw new Error(`line ${refusal.line}: ${refusal.message}`);
  const { account, next, parameters } = to;
  return {
    script,
    values: {
      USERNAME: account.username,
      ADD_INFO: account.additionalInfo,
      ...(next && { NEW_PASSWORD: next, PASSWORD: next }),
      ...parameters,
    },
  };
}
