/** Refuses what cannot be because of other rows, until every row that is left can be written. */
import { closingRows } from "./circles.ts";
import { type Draft, isGood, refuse } from "./match.ts";
import { RELATIONS } from "./row.ts";
import type { Stored } from "./stored.ts";

/** The first good row that says where a new device is makes it; the others depend on it. */
export function deviceMakers(drafts: readonly Draft[]): Map<string, Draft> {
  const makers = new Map<string, Draft>();
  for (const draft of drafts)
    if (!draft.device && isGood(draft) && draft.row.device.address !== undefined && !makers.has(draft.key))
      makers.set(draft.key, draft);
  return makers;
}

/** How many rows could still make each new device, and who depends on whom. */
class Dependence {
  readonly #makers: Map<string, number>;
  readonly #byDevice: ReadonlyMap<string, readonly Draft[]>;
  readonly #byAccount: ReadonlyMap<Draft, readonly Draft[]>;

  constructor(drafts: readonly Draft[]) {
    const onNew = drafts.filter((draft) => !draft.device);
    this.#byDevice = Map.groupBy(onNew, ({ key }) => key);
    const makers = onNew.filter((draft) => isGood(draft) && draft.row.device.address !== undefined);
    this.#makers = new Map([...Map.groupBy(makers, ({ key }) => key)].map(([key, group]) => [key, group.length]));
    const pairs = drafts.flatMap((draft) =>
      RELATIONS.flatMap((relation) => {
        const maker = draft.references.get(relation)?.maker;
        return maker ? [{ maker, draft }] : [];
      }),
    );
    this.#byAccount = new Map(
      [...Map.groupBy(pairs, ({ maker }) => maker)].map(([maker, group]) => [maker, group.map(({ draft }) => draft)]),
    );
  }

  /** Whether nothing that the row depends on is refused; if something is, the row is refused, too. */
  check(draft: Draft): void {
    if (!draft.device && !this.#makers.get(draft.key))
      refuse(draft, "address", {
        code: "request.invalid",
        rule: "must be given, here or in another good row, for a device that is not registered yet",
        got: "nothing",
      });
    for (const relation of RELATIONS) {
      const maker = draft.references.get(relation)?.maker;
      if (maker && !isGood(maker))
        refuse(draft, `${relation}Username`, {
          code: "credential.not-found",
          rule: `must be an account that is not refused; line ${maker.row.line} is`,
        });
    }
  }

  /** Takes account of a refused row. @returns the rows to look at again */
  dropped(draft: Draft): readonly Draft[] {
    const dependents = this.#byAccount.get(draft) ?? [];
    if (draft.device || draft.row.device.address === undefined) return dependents;
    const left = (this.#makers.get(draft.key) ?? 0) - 1;
    this.#makers.set(draft.key, left);
    return left > 0 ? dependents : [...dependents, ...(this.#byDevice.get(draft.key) ?? [])];
  }
}

/** Refuses rows that depend on refused ones, and rows that close a circle of parents. */
export function settleRows(drafts: readonly Draft[], stored: Stored): void {
  const dependence = new Dependence(drafts);
  let open: readonly Draft[] = drafts;
  for (;;) {
    const fallen = [...new Set(open.filter(isGood))].filter((draft) => {
      dependence.check(draft);
      return !isGood(draft);
    });
    if (fallen.length > 0) {
      open = fallen.flatMap((draft) => dependence.dropped(draft));
      continue;
    }
    const closing = closingRows(drafts, stored);
    if (closing.size === 0) return;
    for (const [draft, names] of closing)
      refuse(draft, "parentUsername", {
        code: "credential.cycle",
        rule: `must not close the circle ${names.join(" → ")}`,
      });
    open = [...closing.keys()].flatMap((draft) => dependence.dropped(draft));
  }
}
