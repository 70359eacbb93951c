import { z } from "zod";
import { Code, Id, lines, Moment } from "./common.schema.ts";

export const SessionEndInput = z
  .strictObject({ endedAt: Moment.optional().describe("Now when absent; not in the future.") })
  .meta({ id: "SessionEnd" });

export const ExpiryInput = z
  .strictObject({ credentialIds: z.array(Id).min(1).max(10_000), reason: lines(2000).optional() })
  .meta({ id: "ExpiryRequest" });

export const Expired = z
  .object({
    expired: z.array(Id).describe("Due from now on; their policies' windows and pauses hold."),
    refused: z.array(z.object({ credentialId: Id, code: Code, detail: z.string() })),
  })
  .meta({ id: "Expired" });
