import { z } from "zod";
import { Code, Id, OperationCode, pageOf, paging, State, Timestamp } from "./common.schema.ts";

const account = {
  credentialId: Id,
  device: z.string().describe("The device's name."),
  username: z.string(),
  domain: z.string(),
  currentVersion: z.int().nullable().describe("Number of the current password; null when none is stored."),
  currentSince: Timestamp.nullable().describe("Since when that password is the current one."),
};

export const Child = z
  .object({
    ...account,
    active: z.boolean(),
    childValue: z.enum(["parent", "own"]).describe("Whether it takes its parent's password or one of its own."),
    takenVersion: z.int().nullable().describe("Number of the parent's password that the current one is."),
    stale: z.boolean().describe("It should have its parent's password and does not have the current one."),
    openCode: OperationCode.nullable().describe("The change that is open."),
    parent: z.object(account),
  })
  .meta({ id: "Child" });
export type Child = z.infer<typeof Child>;

export const ChildPage = pageOf(Child, "ChildPage");

export const ChildQuery = z.strictObject(paging);
export type ChildQuery = z.infer<typeof ChildQuery>;

export const OperationChildren = z
  .object({
    counts: z.record(State, z.int()),
    items: z
      .array(
        z.object({
          code: OperationCode,
          state: State,
          outcome: Code.nullable(),
          credentialId: Id,
        }),
      )
      .describe("The first 200 in the order of their codes; `GET /v1/operations?parentCode=` lists all."),
  })
  .meta({ id: "OperationChildren", description: "The operations that this one's success made." });
export type OperationChildren = z.infer<typeof OperationChildren>;
