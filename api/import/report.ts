import { headingOf } from "../../contracts/import-columns.ts";
import type { ImportReport, ImportRowReport } from "../../contracts/import.schema.ts";
import type { Draft } from "../../db/queries/import/match.ts";
import type { Plan } from "../../db/queries/import/plan.ts";
import type { RowProblem } from "../../db/queries/import/row.ts";

type Part = "created" | "updated" | "unchanged";

function partOf(work: { readonly kind: "create" | "edit" } | undefined, more = false): Part {
  if (work?.kind === "create") return "created";
  return work || more ? "updated" : "unchanged";
}

function describeProblem({ column, code, rule, got }: RowProblem): ImportRowReport["problems"][number] {
  return { column: column === undefined ? "" : headingOf(column), code, rule, got: got ?? "a value that does not fit" };
}

function describeRow(draft: Draft, plan: Plan | undefined): ImportRowReport {
  const { line, account } = draft.row;
  if (!plan || draft.problems.length > 0) {
    const problems = draft.problems.map(describeProblem);
    return { line, outcome: "refused", device: null, credential: null, columns: [], problems };
  }
  const device = partOf(plan.device);
  const credential = account ? partOf(plan.credential, plan.passwordAfter !== undefined) : null;
  const main = credential === "unchanged" || credential === null ? device : credential;
  return { line, outcome: main, device, credential, columns: plan.columns.map(headingOf), problems: [] };
}

/** What became, or would become, of each row. */
export function makeReport(drafts: readonly Draft[], plans: readonly Plan[], dryRun: boolean): ImportReport {
  const byDraft = new Map(plans.map((plan) => [plan.draft, plan]));
  const rows = drafts.map((draft) => describeRow(draft, byDraft.get(draft)));
  const count = (outcome: ImportRowReport["outcome"]) => rows.filter((row) => row.outcome === outcome).length;
  return {
    dryRun,
    created: count("created"),
    updated: count("updated"),
    unchanged: count("unchanged"),
    refused: count("refused"),
    rows,
  };
}
