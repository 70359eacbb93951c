/** One pass of drift checks over a site: many devices at once, one log-in at a time on each. */
import type { DriftCounts, DriftPlan, DriftSite } from "../contracts/messages.ts";
import {
  claimDriftCheck,
  type DriftCandidate,
  noteDrift,
  putOffDriftCheck,
  readDriftSites,
  readDueChecks,
} from "../db/queries/drift.ts";
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
    const due = hours > 0 ? await readDueChecks(this.#deps.db, { site: this.#site, hours, limit }) : [];
    while (due.length > 0 && performance.now() < until) {
      const free = due.findIndex(({ deviceId }) => !this.#asked.has(deviceId));
      if (free < 0 || this.#asked.size >= LANES) await Promise.race(this.#asked.values());
      else for (const next of due.splice(free, 1)) this.#ask(next, hours);
    }
    await Promise.all(this.#asked.values());
    return this.#counts;
  }

  #ask(candidate: DriftCandidate, hours: number): void {
    const { credentialId, deviceId } = candidate;
    if (this.#silent.has(deviceId)) return;
    const asked = this.#check(candidate, hours).catch((error: unknown) => {
      // One credential that cannot be checked must not keep the pass from the others.
      this.#deps.log.error({ err: error, credentialId }, "a drift check failed");
    });
    this.#asked.set(
      deviceId,
      asked.finally(() => this.#asked.delete(deviceId)),
    );
  }

  async #check(candidate: DriftCandidate, hours: number): Promise<void> {
    const { db, atMoment } = this.#deps;
    const claim = await claimDriftCheck(db, candidate, hours);
    if (!claim) return;
    await atMoment?.("drift-claimed", 0);
    const settings = await this.#deps.settings();
    const row = await readForCheck(db, claim.credentialId);
    if (!row?.current) return;
    const { verdict, code, freeAt } = await checkStored(this.#deps, row, { forProbe: false });
    await atMoment?.("drift-asked", 0);
    if (freeAt) return putOffDriftCheck(db, claim, { hours, freeAt });
    if (verdict === "unknown" && code.startsWith("target.")) this.#silent.add(claim.deviceId);
    const wake = await noteDrift(db, claim, { versionId: row.current.id, verdict, code, settings });
    if (!wake) return;
    this.#counts[verdict] += 1;
    await this.#deps.wake(wake);
  }
}
