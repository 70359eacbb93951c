import { z } from "zod";
import { Timestamp } from "./common.schema.ts";

const counts = {
  total: z.int().describe("Active credentials of active devices."),
  managed: z.int().describe("Of these, with automatic change on: the five below and those never changed yet."),
  notManaged: z.int(),
  waiting: z.int().describe("Managed, with an operation that is open."),
  error: z.int().describe("Managed, nothing open, and the latest change failed or the password waits for a person."),
  expired: z.int().describe("Managed, nothing open, nothing failed, and due by policy."),
  refused: z.int().describe("Of the expired, those that accept no change; each says why in `automaticRefusal`."),
  updated: z.int().describe("Managed, changed, and none of these."),
};

export const Dashboard = z
  .object({
    at: Timestamp,
    ...counts,
    sites: z.array(z.object({ site: z.string(), ...counts })),
    successes: z
      .array(z.object({ day: z.iso.date(), changes: z.int() }))
      .describe("Changes that succeeded, by day of universal time: the last 30, today last."),
    oldestOverdueSeconds: z
      .number()
      .describe(
        "How long the oldest change due by policy has been waiting without an operation; 0 when there is none.",
      ),
  })
  .meta({ id: "Dashboard" });
export type Dashboard = z.infer<typeof Dashboard>;
