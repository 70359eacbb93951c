import { z } from "zod";
import { Id, Moment, pageOf, paging, several } from "./common.schema.ts";
import { operationFilterFields } from "./operation-filter.schema.ts";
import { attemptFields, Operation, Outcome } from "./operations.schema.ts";

export const AttemptQuery = z.strictObject({
  ...paging,
  ...operationFilterFields,
  executedFrom: Moment.optional().describe("The attempt began at this time or later."),
  executedTo: Moment.optional().describe("The attempt began before this time."),
  outcome: several(Outcome),
  sort: z.enum(["started", "-started"]).default("-started").describe("`-`: latest first."),
});
export type AttemptQuery = z.infer<typeof AttemptQuery>;

const ListedAttempt = z
  .object({
    operation: Operation.pick({
      code: true,
      kind: true,
      state: true,
      credentialId: true,
      deviceId: true,
      target: true,
      parentCode: true,
      trigger: true,
      requestedBy: true,
      dueAt: true,
    }).meta({ id: "AttemptedOperation" }),
    ...attemptFields,
  })
  .meta({ id: "ListedAttempt" });
export type ListedAttempt = z.infer<typeof ListedAttempt>;

export const AttemptPage = pageOf(ListedAttempt, "AttemptPage");

const MOST_DAYS = 92;

export const AttemptCountsQuery = z
  .strictObject({
    by: z.enum(["outcome", "device"]),
    from: Moment.describe("Attempts that began at this time or later."),
    to: Moment.describe(`Attempts that began before this time, at most ${MOST_DAYS} days later.`),
  })
  .refine(({ from, to }) => to.getTime() > from.getTime(), { path: ["to"], message: "must be later than from" })
  .refine(({ from, to }) => to.getTime() - from.getTime() <= MOST_DAYS * 86_400_000, {
    path: ["to"],
    message: `must be at most ${MOST_DAYS} days after from`,
  });
export type AttemptCountsQuery = z.infer<typeof AttemptCountsQuery>;

const counts = { attempts: z.int(), succeeded: z.int(), failed: z.int() };

export const AttemptCounts = z
  .object({
    items: z.array(
      z.object({
        outcome: Outcome.nullable().optional().describe("With `by=outcome`; null: under way."),
        device: z.object({ id: Id, name: z.string() }).optional().describe("With `by=device`."),
        ...counts,
      }),
    ),
  })
  .meta({ id: "AttemptCounts" });
export type AttemptCounts = z.infer<typeof AttemptCounts>;
