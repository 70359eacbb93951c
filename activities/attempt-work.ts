/** One attempt's work on a password: log in, send, prove. */
import type { Verdict } from "../contracts/messages.ts";
import type { Secret } from "../contracts/secret.ts";
import { makesAccount } from "../contracts/states.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { AttemptClaim } from "../db/queries/attempt.ts";
import { isOwn } from "../db/queries/stage-facts.ts";
import type { StagedAttempt } from "../db/queries/stage-result.ts";
import { type Change, type Device, type Login, type Plugin, PluginFailure } from "../plugins/plugin.ts";
import type { BoundScript } from "../templates/language/script.ts";
import type { ActivityDeps } from "./deps.ts";
import { DeviceWork } from "./device-work.ts";
import type { Journal } from "./journal.ts";
import { type BudgetedCheck, BudgetUsed, checkWithinBudget } from "./logins.ts";
import { account, lingers, openVersion, pluginDevice } from "./parties.ts";
import { bindScript, linesAfterPassword, scriptOf } from "./scripts.ts";
import type { Lent } from "./sessions.ts";

/** An attempt with its passwords opened, ready to talk to the device. */
export class AttemptWork {
  readonly attempt: StagedAttempt;
  readonly #deps: ActivityDeps;
  readonly #work: DeviceWork;
  /** The credential's own plugin says what its password is: that of a reconciliation may know another kind of account. */
  readonly #prover: Plugin;
  readonly #proverDevice: Device;
  readonly #next: Secret;

  /** @throws PluginFailure `operation.not-eligible` when the device is not set up for the plugins */
  constructor(
    deps: ActivityDeps,
    attempt: StagedAttempt,
    tools: { settings: Settings; journal: Journal; next?: Secret },
  ) {
    const { parties } = attempt;
    const prover = deps.findPlugin(parties.credential.plugin);
    const proverDevice = prover && pluginDevice(prover, parties.device);
    if (!prover || !proverDevice) throw new PluginFailure("operation.not-eligible");
    this.#deps = deps;
    this.attempt = attempt;
    this.#prover = prover;
    this.#proverDevice = proverDevice;
    this.#next = tools.next ?? openVersion(deps.vault, attempt.candidate);
    this.#work = new DeviceWork(deps, attempt, {
      ...tools,
      script: (password) => this.#script(password),
      shared: !isOwn(parties),
    });
  }

  /** Whether a password may go on logging in after it was replaced. */
  get lingers(): boolean {
    return this.#work.lingers || lingers(this.#prover, this.#proverDevice);
  }

  get mayBeSent(): boolean {
    return this.#work.mayBeSent;
  }

  precheck(): Promise<Lent> {
    return this.#work.precheck();
  }

  release(lent: Lent): Promise<void> {
    return this.#work.release(lent);
  }

  /** Sends the new password. */
  async apply(lent: Lent, replace: (fresh: Lent) => void): Promise<void> {
    const { parties, current } = this.attempt;
    await this.#work.send(lent, replace, async (session, { call, script, pointOfNoReturn }) => {
      const change: Change = {
        account: account(parties.credential),
        next: this.#next,
        own: isOwn(parties),
        ...(current?.sealed ? { current: openVersion(this.#deps.vault, current) } : {}),
        ...(script ? { script } : {}),
      };
      // The account is made before its password is sent: from the first line on there may be something on the device.
      if (makesAccount(parties.kind)) await pointOfNoReturn();
      await session.apply(change, call, pointOfNoReturn);
    });
  }

  /** Verify: a fresh log-in with the candidate; where the device needs time, one early try and one at its end. */
  async verify(forProbe: boolean): Promise<BudgetedCheck> {
    const early = await this.#check(this.#next, { forProbe, keep: true });
    const { propagationMs } = this.#prover.capabilities;
    if (early.verdict === "accepted" || propagationMs === 0 || early.freeAt) return early;
    await new Promise((resolve) => setTimeout(resolve, propagationMs));
    return this.#check(this.#next, { forProbe, keep: true });
  }

  /** Whether a change may be in force and not saved, or be put back late by its sender. */
  get saves(): boolean {
    return this.#work.saves;
  }

  /**
   * Verify for a probe. What is in force and perhaps not saved is saved, and asked for once more: the device may have
   * restarted in between.
   */
  async find(): Promise<BudgetedCheck> {
    if (!this.#work.saves) {
      const found = await this.verify(true);
      if (found.verdict === "accepted") this.#tellWhatIsLeft();
      return found;
    }
    const found = await this.#check(this.#next, { forProbe: true, keep: false });
    if (found.verdict !== "accepted") return found;
    try {
      await this.#work.save(this.#next);
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      if (error.message) this.#work.call().transcript(error.message);
      return { verdict: "unknown", code: error.code, ...(error instanceof BudgetUsed ? { freeAt: error.freeAt } : {}) };
    }
    return this.verify(true);
  }

  /** Nobody knows which line of a template saves what was changed, nor whether it was typed: a person can see to it. */
  #tellWhatIsLeft(): void {
    const script = scriptOf(this.#work.plugin, this.attempt.parties.template);
    const lines = script ? linesAfterPassword(script) : [];
    if (lines.length === 0) return;
    const which = `${lines.length === 1 ? "line" : "lines"} ${lines.join(", ")}`;
    this.#work
      .call()
      .transcript(
        `The new password logs in. Whether the template's ${which} was run is not known: see that it is saved.`,
      );
  }

  /** Whether the current password still logs in: one fresh log-in of the target account, for a probe. */
  async checkCurrent(current: Secret): Promise<Verdict> {
    return (await this.#check(current, { forProbe: true, keep: false })).verdict;
  }

  async #check(password: Secret, how: { forProbe: boolean; keep: boolean }): Promise<BudgetedCheck> {
    const { parties } = this.attempt;
    const { credential, device, ownTemplate } = parties;
    const login: Login = { ...account(credential), password };
    const facts = { device, account: account(credential), authenticator: credential, password };
    const script = bindScript(this.#prover, ownTemplate, { vault: this.#deps.vault, facts });
    return checkWithinBudget(this.#deps, { account: parties.account, ...how }, () =>
      this.#prover.verify(this.#proverDevice, login, this.#work.call(), script),
    );
  }

  /** What the template says to do, when this password logged in. */
  #script(password: Secret): BoundScript | undefined {
    const { parties, current, code } = this.attempt;
    const facts = {
      device: parties.device,
      account: account(parties.credential),
      authenticator: parties.authenticator,
      password,
      next: this.#next,
      current: current?.sealed ? openVersion(this.#deps.vault, current) : undefined,
      code,
      parameters: parties.parameters,
    };
    return bindScript(this.#work.plugin, parties.template, { vault: this.#deps.vault, facts });
  }

  claim(): AttemptClaim {
    return this.#work.claim();
  }
}
