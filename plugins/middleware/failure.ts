import type { Effect } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import type { Redact } from "./redact.ts";

/** A chain of causes is followed so far; it may be a circle. */
const DEPTH = 8;

/**
 * The failure that leaves the middleware: catalogue code, effect, and texts without secrets, causes included. What a
 * plugin did not throw on purpose becomes `target.unexpected`. Fields that drivers add (the statement, the answer)
 * are left behind.
 */
export function cleanFailure(error: unknown, redact: Redact, effect: Effect): PluginFailure {
  const known = error instanceof PluginFailure ? error : undefined;
  const inner = known ? known.cause : error;
  const detail = known ? known.message : messageOf(error);
  const failure = new PluginFailure(known?.code ?? "target.unexpected", redact(detail), {
    refused: known?.refused ?? false,
    ...(inner === undefined ? {} : { cause: cleanCause(inner, redact, DEPTH) }),
  });
  failure.effect = failure.refused ? "none" : effect;
  if (error instanceof Error) failure.stack = redact(error.stack ?? "");
  return failure;
}

function cleanCause(error: unknown, redact: Redact, depth: number): Error {
  const inner = error instanceof AggregateError ? error.errors[0] : error instanceof Error ? error.cause : undefined;
  const clean = new Error(
    redact(messageOf(error)),
    inner === undefined || depth === 0 ? undefined : { cause: cleanCause(inner, redact, depth - 1) },
  );
  if (!(error instanceof Error)) return clean;
  clean.name = redact(error.name);
  clean.stack = redact(error.stack ?? "");
  return clean;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
