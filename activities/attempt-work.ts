/** One attempt's work on the device: log in, send, prove. */
import { PluginFailure, type Change, type Device, type Login, type Plugin, type Session } from "../plugins/plugin.ts";
import type { Verdict } from "../contracts/messages.ts";
import type { Secret } from "../contracts/secret.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import { noteCheck, passPointOfNoReturn } from "../db/queries/attempt.ts";
import { isChanging, readCurrent } from "../db/queries/stage-facts.ts";
import type { StagedAttempt } from "../db/queries/stage.ts";
import type { BoundScript } from "../templates/language/script.ts";
import type { ActivityDeps } from "./deps.ts";
import type { Journal } from "./journal.ts";
import { type BudgetedCheck, checkWithinBudget, withinBudget } from "./logins.ts";
import { account, isOwn, openVersion, pluginDevice } from "./parties.ts";
import { bindScript } from "./scripts.ts";
import type { Lent } from "./sessions.ts";

/** Share of the lease after which the connection is cut: what still leaves the worker then cannot outlive the lease. */
const DEADLINE_SHARE = 0.8;

/** Failures of a kept connection that a fresh one may not have. */
const STALE = new Set(["target.connection-lost", "target.timeout", "target.unreachable"]);

/** An attempt with its passwords opened, ready to talk to the device. */
export class AttemptWork {
  readonly attempt: StagedAttempt;
  readonly #deps: ActivityDeps;
  readonly #plugin: Plugin;
  readonly #device: Device;
  /** The credential's own plugin says what its password is: that of a reconciliation may know another kind of account. */
  readonly #prover: Plugin;
  readonly #proverDevice: Device;
  readonly #settings: Settings;
  readonly #journal: Journal;
  readonly #next: Secret;
  /** The account's password that logged in: what the template's tags say of it. */
  #password: Secret | undefined;
  readonly #takenAt = performance.now();
  /** Set once the point of no return was asked for: from then on only its refusal proves that nothing was sent. */
  #mayBeSent = false;

  constructor(
    deps: ActivityDeps,
    attempt: StagedAttempt,
    tools: { settings: Settings; journal: Journal; next?: Secret },
  ) {
    const { parties } = attempt;
    const plugin = deps.findPlugin(parties.plugin);
    const device = plugin && pluginDevice(plugin, parties.device);
    const prover = deps.findPlugin(parties.credential.plugin);
    const proverDevice = prover && pluginDevice(prover, parties.device);
    if (!plugin || !device || !prover || !proverDevice) throw new PluginFailure("operation.not-eligible");
    this.#deps = deps;
    this.attempt = attempt;
    this.#plugin = plugin;
    this.#device = device;
    this.#prover = prover;
    this.#proverDevice = proverDevice;
    this.#settings = tools.settings;
    this.#journal = tools.journal;
    this.#next = tools.next ?? openVersion(deps.vault, attempt.candidate);
  }

  /** Whether a password may go on logging in after it was replaced. */
  get lingers(): boolean {
    return this.#plugin.capabilities.lingerMs > 0 || this.#prover.capabilities.lingerMs > 0;
  }

  get mayBeSent(): boolean {
    return this.#mayBeSent;
  }

  /** Precheck: reaches the device and logs in, unless the worker slept since it took the attempt. */
  async precheck(): Promise<Lent> {
    // A worker that froze here may find the operation canceled meanwhile: not even a log-in may follow.
    if (performance.now() - this.#takenAt > this.#settings.heartbeatSeconds * 1000)
      throw new PluginFailure("change.lost-lease", "The worker slept before it logged in; nothing was sent.");
    return this.#open();
  }

  /** A version that was replaced meanwhile gets one retry with the new one. */
  async #open(): Promise<Lent> {
    const { parties, authenticatorVersion } = this.attempt;
    if (!authenticatorVersion) throw new PluginFailure("credential.no-password");
    try {
      return await this.#openWith(authenticatorVersion.id, openVersion(this.#deps.vault, authenticatorVersion));
    } catch (error) {
      if (!(error instanceof PluginFailure) || error.code !== "auth.rejected") throw error;
      const newer = await readCurrent(this.#deps.db, parties.authenticator.id);
      if (newer && newer.id !== authenticatorVersion.id)
        return this.#openWith(newer.id, openVersion(this.#deps.vault, newer));
      // Its new password may be live and not promoted yet: that says nothing about the stored one.
      if (!isOwn(parties) && (await isChanging(this.#deps.db, parties.authenticator.id)))
        throw new PluginFailure("auth.changing", error.message, { cause: error });
      const asked = { credentialId: parties.authenticator.id, versionId: authenticatorVersion.id };
      await noteCheck(this.#deps.db, asked, { verdict: "rejected", code: error.code });
      throw error;
    }
  }

  async #openWith(versionId: string, password: Secret): Promise<Lent> {
    const { parties } = this.attempt;
    this.#password = password;
    const login: Login = { ...account(parties.authenticator), password };
    const open = () =>
      withinBudget(this.#deps, { account: parties.authenticatorAccount, forProbe: false }, () =>
        this.#plugin.open(
          this.#device,
          login,
          this.#call(AbortSignal.timeout(this.#limitMs())),
          this.#script(password),
        ),
      );
    return isOwn(parties)
      ? { session: await open(), used: false }
      : this.#deps.sessions.take(this.#sessionKey(versionId), open);
  }

  /** Gives the session back, or ends it when it is the account's own. */
  async release({ session }: Lent): Promise<void> {
    const { parties, authenticatorVersion } = this.attempt;
    if (!isOwn(parties)) this.#deps.sessions.give(this.#sessionKey(authenticatorVersion?.id ?? ""), session);
    else if (session.reusable()) await session.close();
    else session.destroy();
  }

  #sessionKey(versionId: string): string {
    const { device, authenticator } = this.attempt.parties;
    const { id, username, domain } = authenticator;
    return [this.#plugin.kind, device.id, device.revision, id, domain, username, versionId].join("/");
  }

  /** Sends the new password. A kept connection that turns out dead before that is replaced once. */
  async apply(lent: Lent, replace: (fresh: Lent) => void): Promise<void> {
    try {
      await this.#applyOn(lent.session);
    } catch (error) {
      const stale = error instanceof PluginFailure && STALE.has(error.code) && lent.used && !this.#mayBeSent;
      if (!stale) throw error;
      lent.session.destroy();
      const fresh = await this.#open();
      replace(fresh);
      await this.#applyOn(fresh.session);
    }
  }

  async #applyOn(session: Session): Promise<void> {
    const { parties, current } = this.attempt;
    const cut = new AbortController();
    let deadline: NodeJS.Timeout | undefined;
    const pointOfNoReturn = async (): Promise<void> => {
      deadline = await this.#passPoint(() => {
        cut.abort();
        session.destroy();
      });
    };
    const script = this.#password && this.#script(this.#password);
    const change: Change = {
      account: account(parties.credential),
      next: this.#next,
      own: isOwn(parties),
      ...(current?.sealed ? { current: openVersion(this.#deps.vault, current) } : {}),
      ...(script ? { script } : {}),
    };
    try {
      await session.apply(
        change,
        this.#call(AbortSignal.any([cut.signal, AbortSignal.timeout(this.#limitMs())])),
        pointOfNoReturn,
      );
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * Commits that the candidate may be sent, and starts the local deadline inside the lease. A worker that slept past
   * the deadline meanwhile (SIGSTOP, a paused machine) sends nothing.
   * @returns the timer that cuts the connection at the deadline
   */
  async #passPoint(cut: () => void): Promise<NodeJS.Timeout> {
    const deadline = performance.now() + this.#settings.leaseSeconds * 1000 * DEADLINE_SHARE;
    await this.#deps.atMoment?.("before-point", this.attempt.code);
    this.#mayBeSent = true;
    const granted = await passPointOfNoReturn(this.#deps.db, this.claim(), this.#settings.leaseSeconds);
    await this.#deps.atMoment?.("after-point", this.attempt.code);
    if (!granted) {
      this.#mayBeSent = false;
      throw new PluginFailure("change.lost-lease");
    }
    const left = deadline - performance.now();
    if (left <= 0) throw new PluginFailure("change.lost-lease", "The worker slept past its lease; nothing was sent.");
    return setTimeout(cut, left);
  }

  /** Verify: a fresh log-in with the candidate; where the device needs time, one early try and one at its end. */
  async verify(forProbe: boolean): Promise<BudgetedCheck> {
    const early = await this.#check(this.#next, { forProbe, keep: true });
    const { propagationMs } = this.#prover.capabilities;
    if (early.verdict === "accepted" || propagationMs === 0 || early.freeAt) return early;
    await new Promise((resolve) => setTimeout(resolve, propagationMs));
    return this.#check(this.#next, { forProbe, keep: true });
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
      this.#prover.verify(this.#proverDevice, login, this.#call(AbortSignal.timeout(this.#limitMs())), script),
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
    };
    return bindScript(this.#plugin, parties.template, { vault: this.#deps.vault, facts });
  }

  claim() {
    const { code, number, epoch } = this.attempt;
    return { code, number, epoch };
  }

  #limitMs(): number {
    return (this.#settings.connectTimeoutSeconds + this.#settings.readTimeoutSeconds) * 1000;
  }

  #call(signal: AbortSignal) {
    return {
      connectTimeoutMs: this.#settings.connectTimeoutSeconds * 1000,
      readTimeoutMs: this.#settings.readTimeoutSeconds * 1000,
      signal,
      transcript: (line: string) => this.#journal.transcript(line),
    };
  }
}
