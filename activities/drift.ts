/** One pass of drift checks over a site: many devices at once, one log-in at a time on each. */
import type { DriftCounts, DriftPlan, DriftSite } from "../contracts/messages.ts";
import { claimDriftCheck, type DriftClaim, noteDrift, putOffDriftCheck, readDriftSites } from "../db/queries/drift.ts";
import { readForCheck } from "../db/queries/inspect.ts";
import { purgeExpired } from "../db/queries/purge.ts";
import type { ActivityDeps } from "./deps.ts";
import { checkStored } from "./inspect.ts";

/** Devices asked at once. */
const LANES = 8;
/** A pass takes up no more checks after so long: a worker that stops soon has finished, and the next pass goes on. */
const TAKE_MS = 60_000;
/** Sealed values one pass destroys. */
const PURGED = 1000;

/** How a pass shows that it lives. */
export interface Beating {
  beat(): void;
  readonly beatMs: number;
}

/** What this pass is to do where; destroys expired values on the way. */
export async function planDrift(deps: ActivityDeps): Promise<DriftPlan> {
  await purgeExpired(deps.db, PURGED);
  const settings = await deps.settings();
  const { connectTimeoutSeconds, readTimeoutSeconds } = settings;
  const sites = await readDriftSites(deps.db, settings);
  return { sites, limitMs: TAKE_MS + 2 * (connectTimeoutSeconds + readTimeoutSeconds) * 1000 + 30_000 };
}

/**
 * Checks up to `limit` credentials of a site. Each is claimed just before its log-in: what a worker that dies has not
 * taken up is still due.
 */
export async function checkDrift(
  deps: ActivityDeps,
  { site, limit }: DriftSite,
  { beat, beatMs }: Beating,
): Promise<DriftCounts> {
  const beats = setInterval(beat, beatMs);
  try {
    return await new DriftPass(deps, site).take(limit);
  } finally {
    clearInterval(beats);
  }
}

class DriftPass {
  readonly #deps: ActivityDeps;
  readonly #site: string;
  readonly #asked = new Map<string, Promise<void>>();
  /** Devices that did not answer: left alone for the rest of the pass. */
  readonly #silent = new Set<string>();
  readonly #counts = { accepted: 0, rejected: 0, unknown: 0 };

  constructor(deps: ActivityDeps, site: string) {
    this.#deps = deps;
    this.#site = site;
  }

  async take(limit: number): Promise<DriftCounts> {
    const until = performance.now() + TAKE_MS;
    const { driftHours: hours } = await this.#deps.settings();
    let left = limit;
    while (hours > 0 && left > 0 && performance.now() < until) {
      if (this.#asked.size >= LANES) await Promise.race(this.#asked.values());
      const without = [...this.#asked.keys(), ...this.#silent];
      const claim = await claimDriftCheck(this.#deps.db, { site: this.#site, hours, without });
      if (claim) {
        left -= 1;
        this.#ask(claim);
      } else if (this.#asked.size === 0) break;
      // What is left may be on devices that are being asked.
      else await Promise.race(this.#asked.values());
    }
    await Promise.all(this.#asked.values());
    return this.#counts;
  }

  #ask(claim: DriftClaim): void {
    const asked = this.#check(claim).catch((error: unknown) => {
      // One credential that cannot be checked must not keep the pass from the others.
      this.#deps.log.error({ err: error, credentialId: claim.credentialId }, "a drift check failed");
    });
    this.#asked.set(
      claim.deviceId,
      asked.finally(() => this.#asked.delete(claim.deviceId)),
    );
  }

  async #check(claim: DriftClaim): Promise<void> {
    const { db, atMoment } = this.#deps;
    await atMoment?.("drift-claimed", 0);
    const settings = await this.#deps.settings();
    const row = await readForCheck(db, claim.credentialId);
    if (!row?.current) return;
    const { verdict, code, freeAt } = await checkStored(this.#deps, row, { forProbe: false });
    await atMoment?.("drift-asked", 0);
    if (freeAt) return putOffDriftCheck(db, claim, { hours: settings.driftHours, freeAt });
    if (verdict === "unknown" && code.startsWith("target.")) this.#silent.add(claim.deviceId);
    const wake = await noteDrift(db, claim, { versionId: row.current.id, verdict, code, settings });
    if (!wake) return;
    this.#counts[verdict] += 1;
    await this.#deps.wake(wake);
  }
}
