import type { Operation } from "../contracts/operations.schema.ts";
import { outcomeSentence } from "../contracts/outcome.ts";
import { csvLine } from "./csv.ts";

type Cell = string | number | null;

const COLUMNS: Readonly<Record<string, (operation: Operation) => Cell>> = {
  code: ({ code }) => code,
  kind: ({ kind }) => kind,
  state: ({ state }) => state,
  phase: ({ phase }) => phase,
  username: ({ target }) => target.username,
  domain: ({ target }) => target.domain,
  device: ({ target }) => target.device,
  address: ({ target }) => target.address,
  manufacturer: ({ target }) => target.manufacturer,
  model: ({ target }) => target.model,
  site: ({ target }) => target.site,
  url: ({ target }) => target.url,
  tags: ({ target }) => target.tags.join(";"),
  requestedBy: ({ requestedBy }) => requestedBy,
  requestedAt: ({ requestedAt }) => requestedAt,
  trigger: ({ trigger }) => trigger,
  reason: ({ reason }) => reason,
  priority: ({ priority }) => priority,
  scheduledFor: ({ scheduledFor }) => scheduledFor,
  dueAt: ({ dueAt }) => dueAt,
  executedAt: ({ executedAt }) => executedAt,
  endedAt: ({ endedAt }) => endedAt,
  waitingFor: ({ waitingFor }) => waitingFor,
  run: ({ run }) => run,
  runAttempts: ({ runAttempts }) => runAttempts,
  attempts: ({ attempts }) => attempts,
  outcome: ({ outcome }) => outcome,
  message: ({ outcome }) => outcomeSentence(outcome),
  policyId: ({ policyId }) => policyId,
  parentCode: ({ parentCode }) => parentCode,
  credentialId: ({ credentialId }) => credentialId,
  deviceId: ({ deviceId }) => deviceId,
};

export const CSV_HEADER = csvLine(Object.keys(COLUMNS));

export function csvRow(operation: Operation): string {
  return csvLine(Object.values(COLUMNS).map((cell) => cell(operation)));
}
