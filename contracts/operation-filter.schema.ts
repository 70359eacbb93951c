/** The filters and sorts that lists of operations, of their attempts and their export share. */
import { z } from "zod";
import { Id, line, Moment, several, State } from "./common.schema.ts";
import { OPERATION_KINDS } from "./states.ts";

const text = (where: string) => several(line(256).min(1)).describe(`Part of ${where}, in any case of letters.`);
const Code = z.coerce
  .number<string>()
  .int()
  .min(1)
  .max(2 ** 53 - 1);

/** Several values of one filter widen it, several filters narrow it. Target texts are those of the time of request. */
export const operationFilterFields = {
  code: several(Code),
  state: several(State),
  kind: several(z.enum(OPERATION_KINDS)),
  username: text("the target account's user name"),
  device: text("the device's name"),
  manufacturer: text("the device's manufacturer"),
  model: text("the device's model"),
  site: text("the device's site"),
  tag: several(line(100).min(1)).describe("A tag of the device, in any case of letters."),
  requester: text("the requesting person's name"),
  q: text("the user name, or of the device's name, address, manufacturer, model, site or URL"),
  scheduledFrom: Moment.optional().describe("Due at this time or later."),
  scheduledTo: Moment.optional().describe("Due before this time."),
  executedFrom: Moment.optional().describe("The latest attempt began at this time or later."),
  executedTo: Moment.optional().describe("The latest attempt began before this time."),
  credentialId: several(Id),
  deviceId: several(Id),
  parentCode: several(Code).describe("The operation whose success made it."),
};

export const OperationFilter = z.strictObject(operationFilterFields);
export type OperationFilter = z.infer<typeof OperationFilter>;

const SORTS = ["code", "-code", "scheduled", "-scheduled", "executed", "-executed"] as const;
export type OperationSort = (typeof SORTS)[number];

export const Sort = z
  .enum(SORTS)
  .default("-code")
  .describe("`-`: highest or latest first. What was never executed counts as earliest.");
