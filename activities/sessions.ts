import type { Session } from "../plugins/plugin.ts";

/** How long an idle administrator connection is kept. Milliseconds. */
const IDLE_MS = 10_000;

interface Idle {
  readonly session: Session;
  readonly timer: NodeJS.Timeout;
}

/** A session, and whether it had been used before: such a one may have died unnoticed. */
export interface Lent {
  readonly session: Session;
  readonly used: boolean;
}

/**
 * Keeps administrators' connections for a burst of changes on one device: each saved log-in is time, load on the
 * device, and one chance less to lock the administrator out.
 */
export class SessionPool {
  readonly #idle = new Map<string, Idle[]>();

  /**
   * Takes an idle session or opens one.
   * @param key everything that makes two sessions interchangeable
   */
  async take(key: string, open: () => Promise<Session>): Promise<Lent> {
    for (let idle = this.#idle.get(key)?.pop(); idle; idle = this.#idle.get(key)?.pop()) {
      clearTimeout(idle.timer);
      if (idle.session.reusable()) return { session: idle.session, used: true };
      idle.session.destroy();
    }
    return { session: await open(), used: false };
  }

  /** Gives a session back; one that cannot be used again is cut. */
  give(key: string, session: Session): void {
    if (!session.reusable()) {
      session.destroy();
      return;
    }
    const idle: Idle = { session, timer: setTimeout(() => this.#drop(key, idle), IDLE_MS) };
    idle.timer.unref();
    const others = this.#idle.get(key);
    if (others) others.push(idle);
    else this.#idle.set(key, [idle]);
  }

  /** Closes every idle session. */
  async close(): Promise<void> {
    const all = [...this.#idle.values()].flat();
    this.#idle.clear();
    for (const { timer } of all) clearTimeout(timer);
    await Promise.all(all.map(({ session }) => session.close()));
  }

  #drop(key: string, idle: Idle): void {
    const rest = (this.#idle.get(key) ?? []).filter((other) => other !== idle);
    if (rest.length === 0) this.#idle.delete(key);
    else this.#idle.set(key, rest);
    void idle.session.close();
  }
}
