/** One poller for all who listen to operations' events, as long as there is one. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../db/client.ts";
import {
  type EventPlace,
  isBehind,
  type PlacedEvent,
  presentPlace,
  readEvents,
} from "../db/queries/operation-events.ts";

/** Events, or none for a while, and the place that everything up to it was told. */
export interface Told {
  readonly place: EventPlace;
  readonly events: readonly PlacedEvent[];
}

export interface EventHub {
  /**
   * What comes behind a place, as it comes; no events every 15 s without any. Ends when the signal is aborted. For a
   * slow listener nothing is kept: what is remembered no longer is read from the database at its pace.
   */
  follow(after: EventPlace, signal: AbortSignal): AsyncGenerator<Told>;
}

const POLL_MS = 250;
const HEARTBEAT_MS = 15_000;
/** Events told at once, of one look of the poller, and those that are remembered for all. */
const BATCH = 100;
const LOOK = 1000;
const REMEMBERED = 2000;

export function openEventHub(db: Database): EventHub {
  let listeners = 0;
  let polling: Promise<void> | undefined;
  /** The latest events, and the place that they follow without a gap. */
  let remembered: PlacedEvent[] = [];
  let since: EventPlace | undefined;
  let tick = Promise.withResolvers<void>();

  async function poll(): Promise<void> {
    while (listeners > 0) {
      const more = await look().catch(() => false);
      if (!more) await sleep(POLL_MS);
    }
    remembered = [];
    since = undefined;
    polling = undefined;
  }

  /** Whether there is more to read at once. */
  async function look(): Promise<boolean> {
    since ??= await presentPlace(db);
    const rows = await readEvents(db, remembered.at(-1) ?? since, LOOK);
    if (rows.length === 0) return false;
    remembered.push(...rows);
    const forgotten = remembered.splice(0, Math.max(0, remembered.length - REMEMBERED));
    since = forgotten.at(-1) ?? since;
    tick.resolve();
    tick = Promise.withResolvers();
    return rows.length === LOOK;
  }

  /** What is remembered behind a place; undefined when that goes back further. */
  function recall(after: EventPlace): PlacedEvent[] | undefined {
    if (since === undefined || isBehind(since, after)) return undefined;
    const first = remembered.findIndex((event) => isBehind(event, after));
    return first === -1 ? [] : remembered.slice(first, first + BATCH);
  }

  /** The next events behind a place, and how far that looked. */
  async function next(place: EventPlace): Promise<Told> {
    const events = recall(place);
    if (events) return { place: events.at(-1) ?? place, events };
    const begun = since;
    const read = await readEvents(db, place, BATCH);
    // What is remembered follows `since`: when nothing lies before it, the listener has caught up.
    return { place: read.at(-1) ?? begun ?? place, events: read };
  }

  return {
    async *follow(after, signal) {
      listeners += 1;
      polling ??= poll();
      try {
        for (let place = after; !signal.aborted;) {
          const { promise } = tick;
          const told = await next(place);
          const moved = isBehind(told.place, place);
          place = told.place;
          if (told.events.length > 0) yield told;
          else if (since === undefined) await sleep(POLL_MS);
          else if (!moved && !(await comes(promise, signal))) yield { place, events: [] };
        }
      } finally {
        listeners -= 1;
      }
    },
  };
}

/** Whether it comes before the next heartbeat is due, or nobody waits any more. */
async function comes(event: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  try {
    return await Promise.race([
      event.then(() => true),
      sleep(HEARTBEAT_MS, false, { signal: either }).catch(() => true),
    ]);
  } finally {
    ended.abort();
  }
}
