/** Whether what people were told was true. */
import { mayAct } from "../../../contracts/states.ts";
import type { Facts, Operation } from "./facts.ts";
import { was, wasOpen } from "./facts.ts";
import type { Entry } from "./sequence-run.ts";

/**
 * A commit is stamped a moment before others see it. Whoever takes the row's lock waits for that moment; whoever only
 * looks may still see what was before. Milliseconds.
 */
const CLOCK_MS = 5;
const UNSEEN_MS = 1_000;

/** Refusals that move the operation all the same: too late, or what was approved has changed. */
const MOVING: ReadonlySet<string> = new Set(["approval.expired", "approval.changed"]);

/** @returns a sentence for each answer that was not true */
export function falseAnswers(facts: Facts, credentialId: string, entries: readonly Entry[]): string[] {
  const own = facts.operations.filter((operation) => operation.credentialId === credentialId);
  const byCode = new Map(own.map((operation) => [operation.code, operation]));
  return entries.flatMap((entry) => {
    const operation = entry.code === undefined ? undefined : byCode.get(entry.code);
    const complaint =
      entry.status >= 500
        ? "a fault"
        : entry.action === "request"
          ? falseRequest(entry, operation, own)
          : operation
            ? falseAction(entry, operation)
            : "about an operation that is not there";
    return complaint
      ? [
          `${entry.command} (${entry.code}) was answered ${entry.status} ${entry.state ?? ""} ${entry.refusal ?? ""}: ${complaint}`,
        ]
      : [];
  });
}

function during({ askedAt, answeredAt }: Entry, slackMs: number) {
  return { from: askedAt - slackMs, until: answeredAt + CLOCK_MS };
}

function falseRequest(entry: Entry, operation: Operation | undefined, own: readonly Operation[]): string | undefined {
  if (entry.status !== 202) return "neither accepted nor refused";
  if (entry.refusal === undefined) {
    const [first] = operation?.audit ?? [];
    if (first?.action !== "operation.requested" || first.requestId !== entry.requestId)
      return "the audit tells of no such request";
    return operation?.folded.stays[0]?.state === entry.state ? undefined : "it began in another state";
  }
  switch (entry.refusal) {
    case "credential.change-open": {
      // One that ended between the look at it and the look for its code has none in the answer.
      const named = own.filter(({ code }) => entry.openCode === undefined || code === entry.openCode);
      return named.some((one) => wasOpen(one, during(entry, UNSEEN_MS))) ? undefined : "none was open then";
    }
    case "credential.attention":
    case "credential.not-automatic":
      return undefined;
    default:
      return "no reason for that was given";
  }
}

function falseAction(entry: Entry, operation: Operation): string | undefined {
  const { action, status, state } = entry;
  if (action === "request") return undefined;
  const noted = operation.audit.filter(({ requestId }) => requestId === entry.requestId);
  if (action === "look")
    return was(operation, (one) => one === state, during(entry, UNSEEN_MS))
      ? undefined
      : "it was not in that state then";
  if (status === 200) {
    const wanted = {
      approve: "approved",
      reject: "rejected",
      cancel: "canceled",
      "run-now": "run-now",
      restart: "restarted",
    };
    if (!noted.some((one) => one.action === `operation.${wanted[action]}`)) return "the audit does not tell of it";
    return was(operation, (one) => one === state, during(entry, CLOCK_MS))
      ? undefined
      : "it was not in that state then";
  }
  if (noted.length > 0 && !MOVING.has(entry.refusal ?? "")) return "it was refused and done";
  if (status !== 409 && status !== 403 && status !== 422) return "an answer of no meaning";
  if (state !== undefined && !was(operation, (one) => one === state, during(entry, CLOCK_MS)))
    return "it was not in that state then";
  if (entry.refusal === "operation.state" && (state === undefined || mayAct(action, state as Operation["state"])))
    return "that state accepts it";
  return undefined;
}
