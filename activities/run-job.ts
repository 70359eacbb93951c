/** One attempt of a job: log in, run the template; of a removal, prove that the account is gone. */
import type { ErrorCode } from "../contracts/errors.ts";
import type { ChangeResult } from "../contracts/messages.ts";
import type { Secret } from "../contracts/secret.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import { recordAttempt } from "../db/queries/attempt.ts";
import { succeedJob } from "../db/queries/job-attempt.ts";
import type { StagedJob } from "../db/queries/stage-result.ts";
import { type Account, PluginFailure } from "../plugins/plugin.ts";
import { carriesNewPassword } from "../templates/language/render.ts";
import type { BoundScript } from "../templates/language/script.ts";
import type { ActivityDeps } from "./deps.ts";
import { DeviceWork } from "./device-work.ts";
import { checkStored } from "./inspect.ts";
import type { Journal } from "./journal.ts";
import { account } from "./parties.ts";
import { bindScript } from "./scripts.ts";
import type { Lent } from "./sessions.ts";

interface Tools {
  readonly settings: Settings;
  readonly journal: Journal;
}

/**
 * Runs the template once. What failed after something was sent, and was not refused, is `job.unverified`: it is not
 * done a second time, except a removal, which is tried until it is proven.
 */
export async function runJob(deps: ActivityDeps, job: StagedJob, journal: Journal): Promise<ChangeResult> {
  const { code, number, epoch, removal } = job;
  journal.begin(number);
  const tools = { settings: await deps.settings(), journal };
  const failure =
    (removal?.mayBeGone ?? false) && (await isGone(deps, job, journal))
      ? undefined
      : ((await run(deps, job, tools)) ?? (removal && (await stillThere(deps, job, journal))));
  await deps.atMoment?.("verified", code);
  if (failure) {
    await recordAttempt(deps.db, job, journal.record());
    return { kind: "failed", attempt: number, epoch, code: failure };
  }
  const wake = await succeedJob(deps.db, job, journal.record());
  if (!wake) return { kind: "in-doubt", attempt: number, code: "change.lost-lease" };
  await deps.wake(wake);
  return { kind: "succeeded", attempt: number, children: false };
}

/** @returns how it failed; undefined when the template ran to its end */
async function run(deps: ActivityDeps, job: StagedJob, tools: Tools): Promise<ErrorCode | undefined> {
  const { journal } = tools;
  let work: DeviceWork | undefined;
  try {
    // Its connection is its own: a template may leave a session in any state.
    work = new DeviceWork(deps, job, {
      ...tools,
      script: (password) => scriptFor(deps, job, password),
      shared: false,
    });
    await send(work, journal);
    await deps.atMoment?.("applied", job.code);
    return undefined;
  } catch (error) {
    const failure = error instanceof PluginFailure ? error : undefined;
    const code: ErrorCode = failure?.code ?? "service.fault";
    if (!failure) deps.log.error({ err: error, code: job.code }, "a job failed outside its plugin");
    const certain = !work?.mayBeSent || failure?.refused === true;
    const said = failure?.message ?? "";
    journal.detail(certain ? said : `${code}: ${said}`);
    return certain ? code : "job.unverified";
  }
}

async function send(work: DeviceWork, journal: Journal): Promise<void> {
  let lent: Lent = await journal.step("precheck", () => work.precheck());
  try {
    await journal.step("apply", () =>
      work.send(
        lent,
        (fresh) => (lent = fresh),
        async (session, { call, script, pointOfNoReturn }) => {
          if (!session.run || !script) throw new PluginFailure("operation.not-eligible");
          if (script.script.commands.some(carriesNewPassword))
            throw new PluginFailure("operation.template", "The template sets a password since it was asked for.");
          await session.run(script, call, pointOfNoReturn);
        },
      ),
    );
  } finally {
    await work.release(lent);
  }
}

function scriptFor(deps: ActivityDeps, job: StagedJob, password: Secret): BoundScript | undefined {
  const { parties, code } = job;
  const { device, authenticator, template, parameters } = parties;
  const plugin = deps.findPlugin(parties.plugin);
  const facts = { device, account: target(job), authenticator, password, code, parameters };
  return plugin && bindScript(plugin, template, { vault: deps.vault, facts });
}

/** The account that it is about: a stored one, or one that the request names. */
function target({ parties: { credential, elsewhere, parameters } }: StagedJob): Account {
  if (!elsewhere) return account(credential);
  return { username: parameters["username"] ?? "", domain: "", additionalInfo: "" };
}

/** A rejected log-in proves that the account of before is gone. */
async function isGone(deps: ActivityDeps, job: StagedJob, journal: Journal): Promise<boolean> {
  return (await tryLogin(deps, job, journal)) === undefined;
}

/** @returns why it is not proven that the account is gone */
async function stillThere(deps: ActivityDeps, job: StagedJob, journal: Journal): Promise<ErrorCode | undefined> {
  // None was ever stored: that the template ran is all there is to know.
  return job.removal?.password ? tryLogin(deps, job, journal) : undefined;
}

async function tryLogin(deps: ActivityDeps, job: StagedJob, journal: Journal): Promise<ErrorCode | undefined> {
  const { parties, removal } = job;
  const { verdict, code } = await journal.step("verify", () =>
    checkStored(
      deps,
      { ...parties, current: removal?.password },
      { forProbe: true, limits: parties.policy?.limits, transcript: (line) => journal.transcript(line) },
    ),
  );
  return verdict === "rejected" ? undefined : verdict === "accepted" ? "ephemeral.not-removed" : code;
}
