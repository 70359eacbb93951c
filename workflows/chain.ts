import { continueAsNew, sleep, startChild, workflowInfo } from "@temporalio/workflow";
import { operationWorkflowId } from "../contracts/ids.ts";
import { inLanes } from "../contracts/lanes.ts";
import { type ChainInput, type OperationInput, WORKFLOWS } from "../contracts/messages.ts";
import { ownActivities } from "./activity-options.ts";
import { isAlreadyStarted } from "./already-started.ts";

/** Workflows started at once. */
const AT_ONCE = 50;

/** Pauses between two looks at children that are being changed. Milliseconds. */
const SHORTEST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

const { openChildren } = ownActivities("open operations of the next children");
const { closeChain } = ownActivities("every child was seen to");

/**
 * Gives each child of a credential that was changed an operation of its own, page by page, and starts it. Children
 * that are being changed meanwhile get theirs afterwards. It does not wait for the children's success: each has its
 * own life, and a child's success starts its own chain.
 */
export async function chain({ code, ...place }: ChainInput): Promise<void> {
  let { after, busy = false, waits = 0 } = place;
  const started = new Set<number>();
  for (;;) {
    const page = await openChildren({ code, ...(after === undefined ? {} : { after }) });
    await inLanes(
      page.operations.filter((operation) => !started.has(operation.code)),
      AT_ONCE,
      (operation) => startOperation(code, operation),
    );
    for (const operation of page.operations) started.add(operation.code);
    busy ||= page.busy;
    after = page.next;
    if (after === undefined) {
      if (!busy) break;
      const pause = Math.min(SHORTEST_PAUSE_MS * 2 ** waits, LONGEST_PAUSE_MS);
      await sleep(pause, { summary: "waits for children that are being changed" });
      waits += 1;
      busy = false;
    }
    // A page's children fill a history, and Temporal bounds how many a run may have.
    if (after !== undefined || workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof chain>({ code, busy, waits, ...(after === undefined ? {} : { after }) });
  }
  await closeChain({ code });
}

/** A child's run lives on when the chain has ended. */
async function startOperation(parent: number, input: OperationInput): Promise<void> {
  try {
    await startChild(WORKFLOWS.operation, {
      workflowId: operationWorkflowId(input.code, input.run),
      parentClosePolicy: "ABANDON",
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      staticSummary: `Operation ${input.code}, run ${input.run}: ${input.kind}, child of ${parent}`,
      args: [input],
    });
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
  }
}
