import { z } from "zod";
import { type ErrorCode, ERRORS } from "./errors.ts";
import { OPERATION_STATES } from "./states.ts";

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const Id = z.uuid();
/** ISO 8601 with zone, as answered. */
export const Timestamp = z.iso.datetime({ offset: true });
/** ISO 8601 with zone, as sent. */
export const Moment = z.iso
  .datetime({ offset: true, error: "must be a time of ISO 8601 with its zone, for instance 2027-01-31T22:00:00Z" })
  .transform((text) => new Date(text));
export const Code = z.enum(CODES).meta({ id: "ErrorCode", description: "A code of the error catalogue." });
export const OperationCode = z.int().min(1);
export const State = z.enum(OPERATION_STATES).meta({ id: "OperationState" });

/** One line of text of at most so many characters, without control characters. */
export function line(maximum: number) {
  return z
    .string()
    .max(maximum)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must not hold control characters");
}

/**
 * A name that people choose. What cannot be seen is refused: two names that look the same would be two. That is the
 * FreeformClass of RFC 8264, whose only exception here is what makes a sign a picture.
 */
export function name(maximum: number) {
  return line(maximum)
    .regex(
      /^(?:\p{Extended_Pictographic}\uFE0F|[^\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}])*$/u,
      "must not hold characters that cannot be seen (zero-width, direction, line separator)",
    )
    .trim()
    .min(1);
}

/** Text of several lines. */
export function lines(maximum: number) {
  return z
    .string()
    .max(maximum)
    .regex(/^[^\0\p{Cs}]*$/u, "must not hold a zero character");
}

export const Reason = lines(2000).min(1);
export const Tags = z.array(name(100)).max(50);

/** `true` or `false` in a query string. */
export const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** One value or several of a query string's field. */
export function several<T extends z.ZodType<string | number>>(item: T) {
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item).max(100).optional(),
  );
}

export const paging = {
  cursor: z.string().max(1000).optional().describe("`nextCursor` of the page before, with the same filters."),
  limit: z.coerce.number<string>().int().min(1).max(200).default(50),
};

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T, id: string) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id });
}

/** What is wrong with a template, or doubtful. */
export const Complaint = z
  .object({
    severity: z.enum(["refusal", "warning"]),
    rule: z.string().describe("Stable name of the rule; `docs/templates.md` explains each."),
    message: z.string(),
    line: z.int().describe("From 1."),
    column: z.int().describe("From 1."),
  })
  .meta({ id: "Complaint" });

/** RFC 9457 problem details, with the catalogue's code and what helps to act on it. */
export const Problem = z
  .object({
    type: z.string().describe("`urn:keyturn:problem:` and the code."),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: Code,
    requestId: z.string(),
    errors: z
      .array(z.object({ field: z.string(), rule: z.string(), got: z.string() }))
      .optional()
      .describe("Fields that do not fit: the rule and the shape of what was sent, never its value."),
    complaints: z.array(Complaint).optional().describe("Of a template: what is wrong with its text, and where."),
    openCode: OperationCode.optional().describe("The operation that is open."),
    state: z.string().optional().describe("The operation's present state."),
    currentVersion: z.int().nullable().optional().describe("The version that is current now."),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
