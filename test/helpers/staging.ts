/** Stage without a worker: the transaction alone, with a random password. */
import { randomBytes } from "node:crypto";
import type { ErrorCode } from "../../contracts/errors.ts";
import { Secret } from "../../contracts/secret.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { stage } from "../../db/queries/stage.ts";
import type { StagedAttempt, StageResult } from "../../db/queries/stage-result.ts";
import type { Estate } from "./estate.ts";

/** What stage makes of an operation's present run. @param refusal why there can be no new password */
export async function tryStage(
  estate: Estate,
  code: number,
  settings: Settings,
  refusal?: ErrorCode,
): Promise<StageResult> {
  const { run } = await estate.operation(code);
  return stage(estate.db, {
    code,
    run,
    worker: "test",
    settings,
    changeMs: 60_000,
    prepare: ({ parties: { credential } }) => {
      if (refusal) return { refusal };
      const password = new Secret(randomBytes(12).toString("hex"));
      return { seal: (binding) => estate.vault.seal(password, { credentialId: credential.id, ...binding }) };
    },
  });
}

/** The attempt that it begins. @throws Error when it begins none */
export async function stageAttempt(estate: Estate, code: number, settings: Settings): Promise<StagedAttempt> {
  const result = await tryStage(estate, code, settings);
  if (result.kind !== "staged") throw new Error(`not staged: ${JSON.stringify(result)}`);
  return result.attempt;
}
