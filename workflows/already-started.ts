/** Whether a child could not be started because a workflow of its id is there: as good as started. */
export function isAlreadyStarted(error: unknown): boolean {
  // The class itself is not exported to workflow code.
  return error instanceof Error && error.name === "WorkflowExecutionAlreadyStartedError";
}
