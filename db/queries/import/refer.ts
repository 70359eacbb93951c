/** Finds the accounts that rows refer to, in the database or in the file, whatever the order of its rows. */
import { type Draft, isGood, refuse, type Referred } from "./match.ts";
import { type AccountName, type Relation, RELATIONS } from "./row.ts";
import { accountKey, type Stored } from "./stored.ts";

function nameKey(key: string, username: string): string {
  return `${key} ${username}`;
}

class Directory {
  readonly #stored: Stored;
  /** Rows whose account is not among the active ones that are stored. */
  readonly #makers: ReadonlyMap<string, readonly Draft[]>;

  constructor(drafts: readonly Draft[], stored: Stored) {
    this.#stored = stored;
    this.#makers = Map.groupBy(
      drafts.filter((draft) => isGood(draft) && draft.row.account && draft.stored?.active !== true),
      ({ key, row }) => nameKey(key, row.account?.username ?? ""),
    );
  }

  find({ username, host }: AccountName): Referred[] {
    const key = this.#stored.keys.get(host) ?? host;
    const device = this.#stored.devices.get(key);
    const known = device ? (this.#stored.accounts.get(accountKey(device.id, username)) ?? []) : [];
    const makers = this.#makers.get(nameKey(key, username)) ?? [];
    return [
      ...known.filter(({ active }) => active).map(({ id }) => ({ id })),
      ...makers.flatMap((draft) =>
        draft.id === undefined ? [] : [draft.stored ? { id: draft.id } : { id: draft.id, maker: draft }],
      ),
    ];
  }
}

function resolve(draft: Draft, relation: Relation, directory: Directory): void {
  const name = draft.row.references[relation];
  if (name === undefined) return;
  if (name === null) {
    draft.references.set(relation, null);
    return;
  }
  const [found, ...others] = directory.find(name);
  const column = `${relation}Username` as const;
  if (!found)
    refuse(draft, column, {
      code: "credential.not-found",
      rule: "must be, with its hostname, an active account that is registered or stands in the file",
    });
  else if (others.length > 0)
    refuse(draft, column, {
      code: "request.conflict",
      rule: `must be one account with its hostname, not ${others.length + 1}; set it by its id over the API`,
    });
  else if (found.id === draft.id)
    refuse(draft, column, { code: "request.invalid", rule: "must be another account than the row's own" });
  else draft.references.set(relation, found);
}

/** Resolves the references of all rows; one that leads nowhere refuses its row. */
export function resolveReferences(drafts: readonly Draft[], stored: Stored): void {
  const directory = new Directory(drafts, stored);
  for (const draft of drafts.filter(isGood)) for (const relation of RELATIONS) resolve(draft, relation, directory);
}
