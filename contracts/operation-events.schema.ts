import { z } from "zod";
import { OperationCode, several, State, Timestamp } from "./common.schema.ts";

export const EventQuery = z.strictObject({ state: several(State).describe("Only changes to these states.") });

/** What each event of the stream holds. */
export const OperationEvent = z.object({
  code: OperationCode,
  from: State.nullable().describe("Null: it was requested."),
  state: State,
  site: z.string(),
  at: Timestamp,
});
export type OperationEvent = z.infer<typeof OperationEvent>;
