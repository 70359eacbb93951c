import { z } from "zod";
import { Id, name, Timestamp } from "./common.schema.ts";

/** The longest password that is generated. Characters. */
const LONGEST = 256;
const length = z.int().min(1).max(LONGEST);
const least = z.int().min(0).max(LONGEST);

/** The fields of `Strength` in `strength.ts`. */
const rules = {
  minLength: length,
  maxLength: length,
  lowercase: least.describe("At least so many lower-case letters a to z."),
  uppercase: least.describe("At least so many upper-case letters A to Z."),
  digits: least.describe("At least so many digits."),
  symbols: least.describe("At least so many of the symbols."),
  symbolSet: z
    .string()
    .max(40)
    .regex(/^[!-/:-@[-`{-~]*$/, "must hold printable ASCII characters that are neither letters, digits nor spaces")
    .describe("The symbols that may occur."),
  repeatedNeighbours: z.boolean().describe("Whether the same character may stand twice in a row."),
};

const StrengthRules = z.strictObject(rules).meta({ id: "StrengthRules" });

const fields = { name: name(100), active: z.boolean(), rules: StrengthRules };

export const StrengthInput = z
  .strictObject(fields)
  .partial()
  .required({ name: true, rules: true })
  .meta({ id: "NewStrength" });
export type StrengthInput = z.infer<typeof StrengthInput>;

export const StrengthPatch = z.strictObject(fields).partial().meta({ id: "StrengthPatch" });
export type StrengthPatch = z.infer<typeof StrengthPatch>;

export const StrengthView = z
  .object({
    id: Id,
    name: z.string(),
    active: z.boolean().describe("Whether it can be chosen; where it is chosen already it goes on to hold."),
    rules: z.object(rules),
    combinations: z
      .string()
      .describe("Passwords that meet lengths and counts, for instance 3.1e+42; the rule about neighbours not counted."),
    bits: z.number().describe("Their binary logarithm."),
    revision: z.int(),
    createdAt: Timestamp,
    createdBy: z.string(),
    updatedAt: Timestamp,
    updatedBy: z.string(),
  })
  .meta({ id: "Strength" });
export type StrengthView = z.infer<typeof StrengthView>;

export const StrengthList = z.object({ items: z.array(StrengthView) }).meta({ id: "StrengthList" });
