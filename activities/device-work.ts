/** What every attempt does on a device, whatever its work: it logs in, and passes the point of no return. */
import { LEASE_SHARE } from "../contracts/change-limit.ts";
import type { Secret } from "../contracts/secret.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import { type AttemptClaim, noteCheck, passPointOfNoReturn } from "../db/queries/attempt.ts";
import { isChanging, isOwn, type Parties, readCurrent, type VersionRow } from "../db/queries/stage-facts.ts";
import { type Call, type Device, type Login, type Plugin, PluginFailure, type Session } from "../plugins/plugin.ts";
import type { BoundScript } from "../templates/language/script.ts";
import { callOf, limitMs } from "./calls.ts";
import type { ActivityDeps } from "./deps.ts";
import type { Journal } from "./journal.ts";
import { withinBudget } from "./logins.ts";
import { account, lingers, openVersion, pluginDevice } from "./parties.ts";
import { pausesMs } from "./scripts.ts";
import type { Lent } from "./sessions.ts";

/** Failures of a kept connection that a fresh one may not have. */
const STALE = new Set(["target.connection-lost", "target.timeout", "target.unreachable"]);

/** An attempt that is under way, and who logs in for it. */
export interface Entry extends AttemptClaim {
  readonly parties: Parties;
  readonly authenticatorVersion: VersionRow | undefined;
}

export interface DeviceTools {
  readonly settings: Settings;
  readonly journal: Journal;
  /** What the template says to do, when this password logged in. */
  script(password: Secret): BoundScript | undefined;
  /** Whether its connection may be one that served others, and serve others after it. */
  readonly shared: boolean;
}

/** Sends something to the device; must await the point of no return before what may change anything there. */
export type Send = (
  session: Session,
  how: { call: Call; script: BoundScript | undefined; pointOfNoReturn: () => Promise<void> },
) => Promise<void>;

export class DeviceWork {
  readonly plugin: Plugin;
  readonly #deps: ActivityDeps;
  readonly #entry: Entry;
  readonly #tools: DeviceTools;
  readonly #device: Device;
  /** The account's password that logged in: what the template's tags say of it. */
  #password: Secret | undefined;
  readonly #takenAt = performance.now();
  /** Set once the point of no return was asked for: from then on only its refusal proves that nothing was sent. */
  #mayBeSent = false;

  /** @throws PluginFailure `operation.not-eligible` when the device is not set up for the plugin */
  constructor(deps: ActivityDeps, entry: Entry, tools: DeviceTools) {
    const plugin = deps.findPlugin(entry.parties.plugin);
    const device = plugin && pluginDevice(plugin, entry.parties.device);
    if (!plugin || !device) throw new PluginFailure("operation.not-eligible");
    this.plugin = plugin;
    this.#device = device;
    this.#deps = deps;
    this.#entry = entry;
    this.#tools = tools;
  }

  get lingers(): boolean {
    return lingers(this.plugin, this.#device);
  }

  /** Whether a change may be in force and not saved, or be put back late by its sender. */
  get saves(): boolean {
    return this.plugin.save !== undefined;
  }

  /**
   * Has the device save what is in force.
   * @param next with which an account logs in that changed itself
   * @throws PluginFailure when it has not
   */
  async save(next: Secret): Promise<void> {
    const { parties, authenticatorVersion } = this.#entry;
    const password = isOwn(parties)
      ? next
      : authenticatorVersion && openVersion(this.#deps.vault, authenticatorVersion);
    if (!password) throw new PluginFailure("credential.no-password");
    const login: Login = { ...account(parties.authenticator), password };
    await withinBudget(this.#deps, { account: parties.authenticatorAccount, forProbe: true }, async () =>
      this.plugin.save?.(this.#device, login, this.call()),
    );
  }

  get mayBeSent(): boolean {
    return this.#mayBeSent;
  }

  /** Precheck: reaches the device and logs in, unless the worker slept since it took the attempt. */
  async precheck(): Promise<Lent> {
    // A worker that froze here may find the operation canceled meanwhile: not even a log-in may follow.
    if (performance.now() - this.#takenAt > this.#tools.settings.heartbeatSeconds * 1000)
      throw new PluginFailure("change.lost-lease", "The worker slept before it logged in; nothing was sent.");
    return this.#open();
  }

  /** A version that was replaced meanwhile gets one retry with the new one. */
  async #open(): Promise<Lent> {
    const { parties, authenticatorVersion } = this.#entry;
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
    const { parties } = this.#entry;
    this.#password = password;
    const login: Login = { ...account(parties.authenticator), password };
    const open = () =>
      withinBudget(this.#deps, { account: parties.authenticatorAccount, forProbe: false }, () =>
        this.plugin.open(this.#device, login, this.call(), this.#tools.script(password)),
      );
    return this.#tools.shared
      ? this.#deps.sessions.take(this.#sessionKey(versionId), open)
      : { session: await open(), used: false };
  }

  /** Gives the session back, or ends it when it serves nobody else. */
  async release({ session }: Lent): Promise<void> {
    if (this.#tools.shared)
      this.#deps.sessions.give(this.#sessionKey(this.#entry.authenticatorVersion?.id ?? ""), session);
    else if (session.reusable()) await session.close();
    else session.destroy();
  }

  #sessionKey(versionId: string): string {
    const { device, authenticator } = this.#entry.parties;
    const { id, username, domain } = authenticator;
    return [this.plugin.kind, device.id, device.revision, id, domain, username, versionId].join("/");
  }

  /** Sends the work. A kept connection that turns out dead before the point of no return is replaced once. */
  async send(lent: Lent, replace: (fresh: Lent) => void, work: Send): Promise<void> {
    try {
      await this.#sendOn(lent.session, work);
    } catch (error) {
      const stale = error instanceof PluginFailure && STALE.has(error.code) && lent.used && !this.#mayBeSent;
      if (!stale) throw error;
      lent.session.destroy();
      const fresh = await this.#open();
      replace(fresh);
      await this.#sendOn(fresh.session, work);
    }
  }

  async #sendOn(session: Session, work: Send): Promise<void> {
    const cut = new AbortController();
    let deadline: NodeJS.Timeout | undefined;
    const pass = async (): Promise<void> => {
      deadline = await this.#passPoint(() => {
        cut.abort();
        session.destroy();
      });
    };
    let passing: Promise<void> | undefined;
    const script = this.#password && this.#tools.script(this.#password);
    const limit = AbortSignal.timeout(limitMs(this.#tools.settings) + pausesMs(script));
    try {
      await work(session, {
        call: this.call(AbortSignal.any([cut.signal, limit])),
        script,
        pointOfNoReturn: () => (passing ??= pass()),
      });
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * Commits that the work may be sent, and starts the local deadline inside the lease. A worker that slept past the
   * deadline meanwhile (SIGSTOP, a paused machine) sends nothing.
   * @returns the timer that cuts the connection at the deadline
   */
  async #passPoint(cut: () => void): Promise<NodeJS.Timeout> {
    const { leaseSeconds } = this.#tools.settings;
    const { code } = this.#entry;
    const deadline = performance.now() + leaseSeconds * 1000 * LEASE_SHARE;
    await this.#deps.atMoment?.("before-point", code);
    this.#mayBeSent = true;
    const granted = await passPointOfNoReturn(this.#deps.db, this.claim(), leaseSeconds);
    await this.#deps.atMoment?.("after-point", code);
    if (!granted) {
      this.#mayBeSent = false;
      throw new PluginFailure("change.lost-lease");
    }
    const left = deadline - performance.now();
    if (left <= 0) throw new PluginFailure("change.lost-lease", "The worker slept past its lease; nothing was sent.");
    return setTimeout(cut, left);
  }

  claim(): AttemptClaim {
    const { code, number, epoch } = this.#entry;
    return { code, number, epoch };
  }

  /** What a verb of the plugin is told; within a signal, or the time of one log-in. */
  call(signal?: AbortSignal): Call {
    const { settings, journal } = this.#tools;
    const transcript = (line: string) => journal.transcript(line);
    return callOf(settings, { transcript, ...(signal ? { signal } : {}) });
  }
}
