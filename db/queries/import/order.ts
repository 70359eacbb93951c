/** In which order the rows of a file are written, and which of them only together. */
import type { Plan } from "./plan.ts";

/** Rows that are written together or not at all: they refer to each other before any of them is stored. */
export type Unit = readonly Plan[];

/** Units that one transaction takes at most, counted in rows. */
const ROWS_AT_ONCE = 100;

/** Gives a stored account another parent: such rows go one after another, parents first. */
export function movesParent({ credential }: Plan): boolean {
  return credential?.kind === "edit" && (credential.patch.parentCredentialId ?? null) !== null;
}

/**
 * The strongly connected components of a graph, those that others need first (Tarjan, without recursion: chains of
 * parents may be as long as the file).
 */
export function components<T>(nodes: readonly T[], needs: (node: T) => readonly T[]): T[][] {
  const found: T[][] = [];
  const marks = new Map<T, { order: number; low: number; waiting: boolean }>();
  const waiting: T[] = [];
  const mark = (node: T) => {
    const made = { order: marks.size, low: marks.size, waiting: true };
    marks.set(node, made);
    waiting.push(node);
    return { node, mark: made, left: [...needs(node)] };
  };
  for (const start of nodes) {
    const path = marks.has(start) ? [] : [mark(start)];
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const next = step.left.pop();
      const seen = next === undefined ? undefined : marks.get(next);
      if (next !== undefined && !seen) path.push(mark(next));
      else if (seen) step.mark.low = seen.waiting ? Math.min(step.mark.low, seen.order) : step.mark.low;
      else {
        path.pop();
        const before = path.at(-1);
        if (before) before.mark.low = Math.min(before.mark.low, step.mark.low);
        if (step.mark.low < step.mark.order) continue;
        const component = waiting.splice(waiting.lastIndexOf(step.node));
        for (const node of component) Object.assign(marks.get(node) ?? {}, { waiting: false });
        found.push(component);
      }
    }
  }
  return found;
}

/** The work as transactions: each holds whole units, and none needs a later one. */
export function inTransactions(plans: readonly Plan[]): Unit[][] {
  const byDraft = new Map(plans.map((plan) => [plan.draft, plan]));
  const units = components(plans, ({ makers, parent }) =>
    [...makers, ...(parent ? [parent] : [])].flatMap((draft) => byDraft.get(draft) ?? []),
  );
  const transactions: Unit[][] = [];
  let rows = ROWS_AT_ONCE;
  for (const unit of units) {
    if (rows + unit.length > ROWS_AT_ONCE) {
      transactions.push([]);
      rows = 0;
    }
    transactions.at(-1)?.push(unit);
    rows += unit.length;
  }
  return transactions;
}

/** Parents first, where parents move: no circle is closed on the way to where none is. */
export function parentsFirst(plans: readonly Plan[]): Plan[] {
  const byDraft = new Map(plans.map((plan) => [plan.draft, plan]));
  const above = ({ parent }: Plan) => [parent].flatMap((draft) => (draft && byDraft.get(draft)) ?? []);
  return components(plans, above).flat();
}
