import { type SQL, sql } from "drizzle-orm";
import type { OperationSort } from "../../../contracts/operation-filter.schema.ts";

/**
 * A place in a sorted list: a row's sort key and code. The key of a time is its microseconds since 1970, and
 * `-Infinity` for what was never executed.
 */
export interface Place {
  readonly key: string;
  readonly code: number;
}

/** A sort as SQL over operations named `o`, in terms of the indexes that can be walked. */
export interface Sorting {
  readonly name: "code" | "scheduled" | "executed";
  readonly descending: boolean;
  readonly key: SQL;
  /** The key as a place has it, of rows named `found` that hold it as `key`. */
  readonly placeKey: SQL;
  /** What comes behind a place. */
  behind(place: Place): SQL;
  /** The order of operations, as the index has it. */
  readonly order: SQL;
  /** The same for rows with the given name that hold `key` and `code`. */
  orderOf(rows: string): SQL;
  /** The same for places. */
  compare(a: Place, b: Place): number;
}

/** The indexes are on this expression. */
export const EXECUTED = sql`coalesce(o.executed_at, '-infinity'::timestamptz)`;

const KEYS = { code: sql`o.code`, scheduled: sql`o.due_at`, executed: EXECUTED };
const MICROSECONDS = sql`trunc(extract(epoch from found.key) * 1000000)::text`;

export function sortingOf(sort: OperationSort): Sorting {
  const descending = sort.startsWith("-");
  const name = sort.replace("-", "") as Sorting["name"];
  const key = KEYS[name];
  const direction = sql.raw(descending ? "desc" : "asc");
  const beyond = sql.raw(descending ? "<" : ">");
  const sign = descending ? -1 : 1;
  return {
    name,
    descending,
    key,
    placeKey: name === "code" ? sql`found.code::text` : MICROSECONDS,
    behind: (place) =>
      name === "code"
        ? sql`o.code ${beyond} ${place.code}::bigint`
        : sql`(${key}, o.code) ${beyond} (${moment(place)}, ${place.code}::bigint)`,
    order: name === "code" ? sql`o.code ${direction}` : sql`${key} ${direction}, o.code ${direction}`,
    orderOf(rows) {
      const code = sql`${sql.identifier(rows)}.code ${direction}`;
      return name === "code" ? code : sql`${sql.identifier(rows)}.key ${direction}, ${code}`;
    },
    compare(a, b) {
      const [first, second] = [Number(a.key), Number(b.key)];
      return sign * (first === second ? a.code - b.code : first - second);
    },
  };
}

function moment({ key }: Place): SQL {
  if (key === "-Infinity") return sql`'-infinity'::timestamptz`;
  return sql`timestamptz 'epoch' + ${key}::bigint * interval '1 microsecond'`;
}
