/** Finds the circles that the parents of a file would close, together with those that are stored. */
import { type Draft, isGood } from "./match.ts";
import type { Stored } from "./stored.ts";

/** The rows that close a circle, each with the names along it. */
export type Circles = ReadonlyMap<Draft, readonly string[]>;

function parentsAfter(drafts: readonly Draft[], stored: Stored): Map<string, string | null> {
  const parents = new Map([...stored.ancestors].map(([id, { parentId }]) => [id, parentId]));
  for (const draft of drafts) {
    const parent = draft.references.get("parent");
    if (draft.id !== undefined && parent !== undefined && isGood(draft)) parents.set(draft.id, parent?.id ?? null);
  }
  return parents;
}

/** The ids of each circle: in a graph with one way out of each node they share no node. */
function findCircles(parents: ReadonlyMap<string, string | null>): string[][] {
  const circles: string[][] = [];
  const walks = new Map<string, number>();
  let walk = 0;
  for (const start of parents.keys()) {
    walk += 1;
    const path: string[] = [];
    let at: string | null = start;
    while (at !== null && !walks.has(at)) {
      walks.set(at, walk);
      path.push(at);
      at = parents.get(at) ?? null;
    }
    if (at !== null && walks.get(at) === walk) circles.push(path.slice(path.indexOf(at)));
  }
  return circles;
}

/** Of the rows on a circle those that give their account another parent than it has: without them there is none. */
export function closingRows(drafts: readonly Draft[], stored: Stored): Circles {
  const byId = new Map(drafts.filter(isGood).flatMap((draft) => (draft.id === undefined ? [] : [[draft.id, draft]])));
  const nameOf = (id: string) => {
    const draft = byId.get(id);
    return draft ? `${draft.row.account?.username}@${draft.row.host}` : (stored.ancestors.get(id)?.name ?? id);
  };
  const closing = new Map<Draft, readonly string[]>();
  for (const circle of findCircles(parentsAfter(drafts, stored))) {
    for (const [index, id] of circle.entries()) {
      const draft = byId.get(id);
      const parent = draft?.references.get("parent");
      if (!draft || parent === undefined || parent?.id === draft.stored?.parentCredentialId) continue;
      closing.set(draft, [...circle.slice(index), ...circle.slice(0, index), id].map(nameOf));
    }
  }
  return closing;
}
