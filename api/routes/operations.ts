import { z } from "zod";
import type { SIGNALS } from "../../contracts/messages.ts";
import {
  AttemptList,
  Operation,
  OperationCounts,
  OperationDetails,
  OperationPage,
  OperationQuery,
  RestartInput,
} from "../../contracts/operations.schema.ts";
import { isOpen } from "../../contracts/states.ts";
import { cancelOperation, restartOperation, runOperationNow } from "../../db/queries/operation-actions.ts";
import { countOperations, listAttempts, listOperations, readOperation } from "../../db/queries/operations-list.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

const tag = "operations";
const params = z.strictObject({ code: z.coerce.number<string>().int().min(1) });

export function addOperationRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/operations",
    id: "listOperations",
    tag,
    summary: "List operations, newest first",
    permission: "read",
    query: OperationQuery,
    answer: OperationPage,
    handle: ({ query }) => listOperations(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/operations/counts",
    id: "countOperations",
    tag,
    summary: "How many operations are in each state",
    permission: "read",
    answer: OperationCounts,
    handle: () => countOperations(deps.db),
  });
  add({
    method: "GET",
    url: "/v1/operations/:code",
    id: "getOperation",
    tag,
    summary: "Show an operation with its attempts and live progress",
    permission: "read",
    params,
    answer: OperationDetails,
    refusals: ["operation.not-found"],
    async handle({ params: { code } }) {
      const operation = await readOperation(deps.db, code);
      const [attemptList, progress] = await Promise.all([
        listAttempts(deps.db, code),
        isOpen(operation.state) ? deps.orchestrator.progress({ code, run: operation.run }) : null,
      ]);
      return { ...operation, attemptList, progress };
    },
  });
  add({
    method: "GET",
    url: "/v1/operations/:code/attempts",
    id: "listAttempts",
    tag,
    summary: "List the attempts of an operation",
    permission: "read",
    params,
    answer: AttemptList,
    refusals: ["operation.not-found"],
    handle: async ({ params: { code } }) => ({ items: await listAttempts(deps.db, code) }),
  });
  addActionRoutes(add, deps);
}

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

function addActionRoutes(add: AddRoute, deps: ApiDeps): void {
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
