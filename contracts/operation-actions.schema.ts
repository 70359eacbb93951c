import { z } from "zod";
import { Code, lines, Moment, OperationCode, State } from "./common.schema.ts";
import { OPERATION_ACTIONS } from "./states.ts";

export const RestartInput = z.strictObject({ scheduledFor: Moment.optional() }).meta({ id: "RestartRequest" });

const comment = lines(2000).optional();

export const DecisionInput = z
  .strictObject({
    comment,
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be the digest of the operation as it was read")
      .optional()
      .describe("`approval.digest` of the operation as it was read; a change since then is a refusal."),
  })
  .meta({ id: "Decision" });

/** Operations that one request may act on. */
const MOST = 10_000;

export const ActionsInput = z
  .strictObject({
    action: z.enum(OPERATION_ACTIONS),
    codes: z.array(OperationCode).min(1).max(MOST),
    comment: comment.describe("Of approve and reject."),
    scheduledFor: Moment.optional().describe("Of restart: when it is due; at once when absent."),
  })
  .refine(({ action, comment: said }) => said === undefined || action === "approve" || action === "reject", {
    path: ["comment"],
    message: "belongs to approve and reject",
  })
  .refine(({ action, scheduledFor }) => scheduledFor === undefined || action === "restart", {
    path: ["scheduledFor"],
    message: "belongs to restart",
  })
  .meta({ id: "ActionsRequest" });

export const ActionResults = z
  .object({
    items: z.array(
      z.object({
        code: OperationCode,
        ok: z.boolean(),
        state: State.nullable().describe("Its state now; null when there is no such operation."),
        problem: z
          .object({ code: Code, detail: z.string(), openCode: OperationCode.optional() })
          .nullable()
          .describe("Why it was refused."),
      }),
    ),
  })
  .meta({ id: "ActionResults" });
export type ActionResults = z.infer<typeof ActionResults>;
