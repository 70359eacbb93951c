import { z } from "zod";
import { Id, paging } from "./common.schema.ts";
import { operationFilterFields, Sort } from "./operation-filter.schema.ts";
import { LiveProgress, Operation, Outcome } from "./operations.schema.ts";
import { OPERATION_STATES, type OperationState } from "./states.ts";

/** Items of a list, repeated or with commas between. */
const include = z.preprocess(
  (value) => (typeof value === "string" ? value.split(",") : value),
  z
    .array(z.enum(["details", "progress"]))
    .max(10)
    .default([]),
);

export const OperationQuery = z.strictObject({
  ...paging,
  ...operationFilterFields,
  sort: Sort,
  include: include.describe("`details`: template and last message. `progress`: how far running ones are now."),
  count: z.literal("capped").optional().describe("Also counts what matches, up to 10,000."),
});
export type OperationQuery = z.infer<typeof OperationQuery>;

export const OperationExportQuery = z.strictObject({ ...operationFilterFields, sort: Sort });
export type OperationExportQuery = z.infer<typeof OperationExportQuery>;

const LastAttempt = z
  .object({
    plugin: z.string(),
    templateId: Id.nullable(),
    templateVersion: z.int().nullable(),
    worker: z.string(),
    outcome: Outcome.nullable(),
    message: z.string().describe("What the outcome means for an operator; empty while it is under way."),
    detail: z.string().describe("What the device said, secrets masked."),
  })
  .meta({ id: "LastAttempt" });
export type LastAttempt = z.infer<typeof LastAttempt>;

const ListedOperation = z
  .object({
    ...Operation.shape,
    details: LastAttempt.nullable().optional().describe("With `include=details`; null before the first attempt."),
    progress: LiveProgress.nullable()
      .optional()
      .describe("With `include=progress`; null when it does not run or its workflow did not answer within 300 ms."),
  })
  .meta({ id: "ListedOperation" });
export type ListedOperation = z.infer<typeof ListedOperation>;

const Total = z
  .object({ count: z.int(), capped: z.boolean().describe("There are more than were counted.") })
  .meta({ id: "Total" });
export type Total = z.infer<typeof Total>;

export const OperationPage = z
  .object({
    items: z.array(ListedOperation),
    nextCursor: z.string().nullable(),
    total: Total.nullable().optional().describe("With `count=capped`; null when it could not be counted in 2 s."),
  })
  .meta({ id: "OperationPage" });

const states = Object.fromEntries(OPERATION_STATES.map((state) => [state, z.int()])) as {
  [State in OperationState]: z.ZodInt;
};

const StateCounts = z.object(states).meta({ id: "StateCounts" });
export type StateCounts = z.infer<typeof StateCounts>;

export const OperationCounts = z
  .object({ ...states, sites: z.record(z.string(), StateCounts) })
  .meta({ id: "OperationCounts" });
export type OperationCounts = z.infer<typeof OperationCounts>;
