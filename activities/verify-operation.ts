import type { ChangeResult } from "../contracts/messages.ts";
import { noteCheck, recordAttempt } from "../db/queries/attempt.ts";
import { type StagedCheck, succeedCheck } from "../db/queries/verify-operation.ts";
import type { ActivityDeps } from "./deps.ts";
import { checkStored } from "./inspect.ts";
import type { Journal } from "./journal.ts";

/** One attempt of a `verify-password`: a log-in with the stored password. Lost on the way, it is simply made again. */
export async function verifyOperation(deps: ActivityDeps, check: StagedCheck, journal: Journal): Promise<ChangeResult> {
  const { code, number, epoch, parties, current } = check;
  journal.begin(number);
  const { verdict, code: found } = await journal.step("verify", () =>
    checkStored(
      deps,
      { ...parties, current },
      {
        forProbe: false,
        limits: parties.policy?.limits,
        transcript: (line) => journal.transcript(line),
      },
    ),
  );
  await deps.atMoment?.("verified", code);
  if (found !== "login-budget.used")
    await noteCheck(deps.db, { credentialId: current.credentialId, versionId: current.id }, { verdict, code: found });
  if (verdict !== "accepted") {
    await recordAttempt(deps.db, check, journal.record());
    return { kind: "failed", attempt: number, epoch, code: found };
  }
  const wake = await succeedCheck(deps.db, check, { record: journal.record(), code: found });
  if (!wake) return { kind: "in-doubt", attempt: number, code: "change.lost-lease" };
  await deps.wake(wake);
  return { kind: "succeeded", attempt: number, children: false };
}
