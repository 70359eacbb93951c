import { Secret } from "../../contracts/secret.ts";
import type { BoundScript } from "../../templates/language/script.ts";
import type { Call, Plugin, Session } from "../plugin.ts";
import { PluginFailure } from "../plugin.ts";
import { cleanFailure } from "./failure.ts";
import { createRedactor, type Redact } from "./redact.ts";

/** A device that floods the transcript fills no memory and no row. Characters. */
const LINE = 500;

/**
 * Wraps a plugin so that none of its verbs outlives its time, names a secret, or fails without a code and an effect:
 * - every error is a {@link PluginFailure}, except what `pointOfNoReturn` rejected with: that reaches the caller as it is;
 * - `effect` is `none` until `pointOfNoReturn` was passed, and when the device refused; else `unknown`;
 * - a session that failed is destroyed, and one that arrives too late as well.
 */
export function guard(plugin: Plugin): Plugin {
  const save = plugin.save?.bind(plugin);
  return {
    ...plugin,
    identify: async (device, call) => {
      const guarded = guardCall(call, [], call.connectTimeoutMs + call.readTimeoutMs);
      try {
        return await inTime(plugin.identify(device, guarded.call), guarded.call.signal);
      } catch (error) {
        throw cleanFailure(error, guarded.redact, "none");
      }
    },
    open: async (device, login, call, script) => {
      const guarded = guardCall(
        call,
        [login.password, ...secretsOf(script)],
        call.connectTimeoutMs + call.readTimeoutMs,
      );
      const opening = plugin.open(device, login, guarded.call, script);
      try {
        return guardSession(await inTime(opening, guarded.call.signal), login.password);
      } catch (error) {
        opening.then((late) => late.destroy()).catch(() => {});
        throw cleanFailure(error, guarded.redact, "none");
      }
    },
    verify: async (device, login, call, script) => {
      const guarded = guardCall(
        call,
        [login.password, ...secretsOf(script)],
        call.connectTimeoutMs + call.readTimeoutMs,
      );
      try {
        return await inTime(plugin.verify(device, login, guarded.call, script), guarded.call.signal);
      } catch (error) {
        const failure = cleanFailure(error, guarded.redact, "none");
        if (failure.message) call.transcript(failure.message.slice(0, LINE));
        return { verdict: "unknown", code: failure.code };
      }
    },
    ...(save && {
      save: async (device, login, call) => {
        const guarded = guardCall(call, [login.password], call.connectTimeoutMs + call.readTimeoutMs);
        try {
          await inTime(save(device, login, guarded.call), guarded.call.signal);
        } catch (error) {
          throw cleanFailure(error, guarded.redact, "unknown");
        }
      },
    }),
  };
}

function guardSession(session: Session, loginPassword: Secret): Session {
  let usable = true;

  function destroy(): void {
    usable = false;
    try {
      session.destroy();
    } catch {
      // The connection is gone either way, and the caller has its own failure to tell.
    }
  }

  async function send(
    work: (call: Call, pass: () => Promise<void>) => Promise<void>,
    to: { call: Call; secrets: readonly Secret[]; pointOfNoReturn: () => Promise<void> },
  ): Promise<void> {
    const { call: guarded, redact } = guardCall(to.call, [loginPassword, ...to.secrets]);
    const gate = watch(to.pointOfNoReturn, guarded.signal);
    let finished = false;
    try {
      if (!usable) throw new PluginFailure("target.connection-lost", "The session has failed before.");
      await inTime(work(guarded, gate.pass), guarded.signal);
      finished = true;
      if (gate.state() !== "passed") throw new Error("The plugin did not wait for the point of no return.");
    } catch (error) {
      destroy();
      if (gate.state() === "rejected" && !finished) throw gate.reason();
      throw cleanFailure(error, redact, finished || gate.state() === "passed" ? "unknown" : "none");
    }
  }

  async function rehearse(script: BoundScript, to: { call: Call; work: NonNullable<Session["rehearse"]> }) {
    const { call: guarded, redact } = guardCall(to.call, [loginPassword, ...secretsOf(script)]);
    try {
      if (!usable) throw new PluginFailure("target.connection-lost", "The session has failed before.");
      return await inTime(to.work(script, guarded), guarded.signal);
    } catch (error) {
      throw cleanFailure(error, redact, "none");
    } finally {
      // It stands in the middle of a dialogue.
      destroy();
    }
  }

  const run = session.run?.bind(session);
  const work = session.rehearse?.bind(session);
  return {
    apply: (change, call, pointOfNoReturn) => {
      const secrets = [change.next, ...(change.current ? [change.current] : []), ...secretsOf(change.script)];
      return send((guarded, pass) => session.apply(change, guarded, pass), { call, secrets, pointOfNoReturn });
    },
    ...(run && {
      run: (script, call, pointOfNoReturn) => {
        const secrets = secretsOf(script);
        return send((guarded, pass) => run(script, guarded, pass), { call, secrets, pointOfNoReturn });
      },
    }),
    ...(work && { rehearse: (script, call) => rehearse(script, { call, work }) }),
    reusable: () => usable && session.reusable(),
    close: async () => {
      usable = false;
      await session.close().catch(destroy);
    },
    destroy,
  };
}

/** The passwords that a template's tags stand for. One that is made when it is used is good for seconds only. */
function secretsOf(script: BoundScript | undefined): Secret[] {
  return Object.values(script?.values ?? {}).filter((value) => value instanceof Secret);
}

/** Follows the point of no return: asked for at most once, and what came of it. */
function watch(pointOfNoReturn: () => Promise<void>, signal: AbortSignal) {
  let state: "closed" | "passed" | "rejected" = "closed";
  let reason: unknown;
  let passing: Promise<void> | undefined;

  async function ask(): Promise<void> {
    try {
      await pointOfNoReturn();
    } catch (error) {
      reason = error;
      state = "rejected";
      throw error;
    }
    // The caller has given up meanwhile, and is told that nothing was sent.
    if (signal.aborted) throw new PluginFailure("target.timeout", "The time for this step was over.");
    state = "passed";
  }

  return {
    pass: () => (passing ??= ask()),
    state: () => state,
    reason: () => reason,
  };
}

function guardCall(call: Call, secrets: readonly Secret[], limitMs?: number): { call: Call; redact: Redact } {
  const redact = createRedactor(secrets);
  const signal = limitMs === undefined ? call.signal : AbortSignal.any([call.signal, AbortSignal.timeout(limitMs)]);
  const transcript = (line: string) => call.transcript(redact(line).slice(0, LINE));
  return { call: { ...call, signal, transcript }, redact };
}

/** Gives up when the signal says so, even where the plugin does not. */
async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const over = new Promise<never>((_, reject) => {
    stop = () => reject(new PluginFailure("target.timeout", "The time for this step was over."));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}
