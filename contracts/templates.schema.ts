import { z } from "zod";
import { Complaint, Flag, Id, line, lines, name, pageOf, paging, Timestamp } from "./common.schema.ts";
import { OPERATION_KINDS } from "./states.ts";

/** The longest text of a template. Characters; the longest of the original's public ones has 9,000. */
const LONGEST = 200_000;
const Kind = z.enum(OPERATION_KINDS);
const Plugin = line(100).min(1);
export const TemplateName = name(200);
export const TemplateBody = lines(LONGEST).describe("One command a line, or statements, as `docs/templates.md` says.");

export const TemplateInput = z
  .strictObject({ name: TemplateName, plugin: Plugin, kind: Kind, body: TemplateBody })
  .meta({ id: "NewTemplate" });
export type TemplateInput = z.infer<typeof TemplateInput>;

export const TemplatePatch = z
  .strictObject({
    name: TemplateName,
    body: TemplateBody.describe("Another text is a new version."),
    active: z.boolean().describe("Whether it may be chosen and run."),
  })
  .partial()
  .meta({ id: "TemplatePatch" });
export type TemplatePatch = z.infer<typeof TemplatePatch>;

export const TemplateQuery = z.strictObject({
  ...paging,
  name: line(200).optional().describe("Part of the name, in any case."),
  plugin: Plugin.optional(),
  kind: Kind.optional(),
  active: Flag.optional(),
  pending: Flag.optional().describe("Those whose latest version waits for a second person, or those where none does."),
});
export type TemplateQuery = z.infer<typeof TemplateQuery>;

const templateFields = {
  id: Id,
  name: z.string(),
  plugin: z.string(),
  kind: Kind,
  active: z.boolean().describe("Whether it may be chosen and run."),
  shipped: z.boolean().describe("Whether it came with Keyturn, which keeps its text up to date."),
  activeVersion: z.int().nullable().describe("The version that runs; null until one was approved."),
  latestVersion: z.int(),
  pending: z.boolean().describe("Whether the latest version waits for a second person."),
  author: z.string().describe("Who wrote the latest version."),
  revision: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
};

export const Template = z.object(templateFields).meta({ id: "Template" });
export type Template = z.infer<typeof Template>;
export const TemplatePage = pageOf(Template, "TemplatePage");

const TemplateUse = z
  .object({
    credentialId: Id,
    username: z.string(),
    domain: z.string(),
    device: z.string(),
    as: z.enum(["change", "reconciliation"]),
  })
  .meta({ id: "TemplateUse" });
export type TemplateUse = z.infer<typeof TemplateUse>;

export const TemplateDetails = z
  .object({
    ...templateFields,
    activeBody: z.string().nullable(),
    latestBody: z.string(),
    warnings: z.array(Complaint).describe("What is doubtful in the latest version."),
    uses: z.array(TemplateUse).describe("Active credentials that name it, at most 200."),
    useCount: z.int(),
  })
  .meta({ id: "TemplateDetails" });
export type TemplateDetails = z.infer<typeof TemplateDetails>;

export const TemplateVersion = z
  .object({
    version: z.int(),
    state: z.enum(["active", "pending", "rejected", "former"]).describe("former: it ran, or never came to run."),
    author: z.string(),
    at: Timestamp,
    decidedBy: z.string().nullable().describe("Who approved or rejected it; null where nobody had to."),
    decidedAt: Timestamp.nullable(),
    comment: z.string(),
    body: z.string(),
    diff: z.string().describe("Unified, against the version before; empty for the first."),
  })
  .meta({ id: "TemplateVersion" });
export type TemplateVersion = z.infer<typeof TemplateVersion>;
export const TemplateVersionPage = pageOf(TemplateVersion, "TemplateVersionPage");

export const TemplateDecision = z.strictObject({ comment: lines(2000).optional() }).meta({ id: "TemplateDecision" });

/** A file as it was found; anything may stand in it. */
const TemplateFile = z
  .strictObject({
    path: z.string().min(1).max(1000).describe("Its last parts say plugin, kind and name: `PLUGIN/KIND/NAME`."),
    body: z.string().max(LONGEST),
  })
  .meta({ id: "TemplateFile" });
export type TemplateFile = z.infer<typeof TemplateFile>;

export const TemplateFiles = z
  .strictObject({
    files: z.array(TemplateFile).min(1).max(1000),
    plugin: Plugin.optional().describe("Of all files; guessed from each path when absent."),
    kind: Kind.optional().describe("Of all files; guessed from each path when absent."),
  })
  .meta({ id: "TemplateFiles" });
export type TemplateFiles = z.infer<typeof TemplateFiles>;

export const VERDICTS = ["parsed", "warnings", "refused"] as const;

const checkedFields = {
  path: z.string(),
  plugin: z.string().nullable(),
  kind: Kind.nullable(),
  verdict: z.enum(VERDICTS),
  complaints: z.array(Complaint),
};

const CheckedFile = z
  .object({
    ...checkedFields,
    formatted: z.string().nullable().describe("In canonical spelling; null for what is refused."),
  })
  .meta({ id: "CheckedTemplate" });
export type CheckedFile = z.infer<typeof CheckedFile>;

const count = z.int();

export const TemplateCheck = z
  .object({
    items: z.array(CheckedFile),
    summary: z.object({ parsed: count, warnings: count, refused: count }),
  })
  .meta({ id: "TemplateCheck" });
export type TemplateCheck = z.infer<typeof TemplateCheck>;

export const ImportQuery = z.strictObject({ dryRun: Flag.optional().describe("Only says what would be done.") });

const ImportedFile = z
  .object({
    ...checkedFields,
    done: z.enum(["created", "updated", "unchanged", "refused"]),
    id: Id.nullable().describe("null: refused, or not made yet."),
  })
  .meta({ id: "ImportedTemplate" });
export type ImportedFile = z.infer<typeof ImportedFile>;

export const TemplateImport = z
  .object({
    items: z.array(ImportedFile),
    summary: z.object({ created: count, updated: count, unchanged: count, refused: count }),
  })
  .meta({ id: "TemplateImport" });
export type TemplateImport = z.infer<typeof TemplateImport>;

export const RenderInput = z
  .strictObject({
    credentialId: Id.describe("Whose values stand for the tags; its passwords are not opened."),
    body: TemplateBody.optional().describe("A text that is not saved; the latest version when absent."),
  })
  .meta({ id: "RenderRequest" });

export const Rendered = z
  .object({
    plugin: z.string(),
    items: z.array(
      z.object({
        line: z.int(),
        command: z.string(),
        arguments: z.array(z.string()).describe("Passwords and one-time passwords are shown as `<TAG>`."),
        newPassword: z.boolean().describe("Whether it carries the new password."),
        problem: z.string().nullable().describe("Why a value cannot stand there."),
      }),
    ),
    complaints: z.array(Complaint),
  })
  .meta({ id: "RenderedTemplate" });
export type Rendered = z.infer<typeof Rendered>;

export const Rehearsal = z
  .object({
    code: z.string().describe("`rehearsed`, or the code of the catalogue that says how it failed."),
    templateId: Id,
    version: z.int(),
    stoppedBefore: z
      .int()
      .nullable()
      .describe(
        "The line that carries the first password, or would change what cannot be undone; null: it came to its end, or failed.",
      ),
    transcript: z.string().describe("What was sent and said, passwords masked."),
  })
  .meta({ id: "Rehearsal" });
export type Rehearsal = z.infer<typeof Rehearsal>;
