import { ApiProblem } from "../contracts/problem.ts";
import type { Secret } from "../contracts/secret.ts";
import type { PluginInfo } from "./deps.ts";

/**
 * Refuses a password where the plugin's secret has another form.
 * @throws ApiProblem `request.invalid`
 */
export function checkSecretForm(plugins: readonly PluginInfo[], kind: string, password: Secret): void {
  const form = plugins.find((plugin) => plugin.kind === kind)?.secretForm;
  if (!form || form.fits(password)) return;
  const errors = [{ field: "password", rule: form.rule, got: "another text" }];
  throw new ApiProblem("request.invalid", `password: ${form.rule}.`, { errors });
}
