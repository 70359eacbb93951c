import { z } from "zod";
import type { SIGNALS } from "../../contracts/messages.ts";
import { Operation, RestartInput } from "../../contracts/operations.schema.ts";
import { cancelOperation, restartOperation, runOperationNow } from "../../db/queries/operation-actions.ts";
import { readOperation } from "../../db/queries/operations-list.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "operations";
const params = z.strictObject({ code: z.coerce.number<string>().int().min(1) });

const WAITING_ACTIONS: readonly {
  name: string;
  id: string;
  summary: string;
  signal: keyof typeof SIGNALS;
  act: typeof cancelOperation;
}[] = [
  {
    name: "cancel",
    id: "cancelOperation",
    summary: "Cancel an operation that has not begun; after 200 no device is touched",
    signal: "cancelRequested",
    act: cancelOperation,
  },
  {
    name: "run-now",
    id: "runOperationNow",
    summary: "Drop the wait for time and window and go to the head of the queue",
    signal: "runNow",
    act: runOperationNow,
  },
];

export function addOperationActionRoutes(add: AddRoute, deps: ApiDeps): void {
  for (const { name, id, summary, signal, act } of WAITING_ACTIONS)
    add({
      method: "POST",
      url: `/v1/operations/:code/${name}`,
      id,
      tag,
      summary,
      permission: "operate",
      params,
      answer: Operation,
      kind: "makes",
      refusals: ["operation.not-found", "operation.state", "operation.unresolved"],
      async handle({ params: { code }, actor, transact }) {
        const { operation, wake } = await transact(async (tx) => {
          const refs = await act(tx, { code, actor });
          return { operation: await readOperation(tx, code), wake: refs };
        });
        deps.orchestrator.signal(
          wake.filter((ref) => ref.code === code),
          signal,
        );
        deps.orchestrator.signal(
          wake.filter((ref) => ref.code !== code),
          "wake",
        );
        return operation;
      },
    });
  add({
    method: "POST",
    url: "/v1/operations/:code/restart",
    id: "restartOperation",
    tag,
    summary: "Start a new run of an operation that ended in error",
    permission: "operate",
    params,
    body: RestartInput,
    answer: Operation,
    kind: "makes",
    refusals: ["operation.not-found", "operation.state", "credential.change-open", "credential.attention"],
    handle: ({ params: { code }, body: { scheduledFor }, actor, transact }) =>
      transact(async (tx) => {
        await restartOperation(tx, { code, actor, scheduledFor });
        return readOperation(tx, code);
      }),
  });
}
