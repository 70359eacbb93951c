export interface Walk<Place> {
  readonly limit: number;
  /** Looks at so many rows in the order of the list, and keeps those that match. */
  walk(rows: number): Promise<Walked<Place>>;
  /** What gathering all matches is expected to cost, in rows that could be walked meanwhile. */
  cost(): Promise<number>;
}

export interface Walked<Place> {
  readonly places: Place[];
  /** Rows that were looked at: fewer than asked for when the list ended. */
  readonly scanned: number;
}

/** Rows of the first look. */
const LOOK = 2000;
/** Where walking must read rows, gathering that costs no more is not worth a look. */
export const CHEAP = 10 * LOOK;
/** How much further to look when nothing was found, and which part of gathering's cost that may be. */
const FURTHER = 8;
const CHANCE = 1 / 4;
/** Matches are not spread evenly: a little more than needed on average. */
const ROOM = 1.5;

/**
 * Fills a page by walking, at any size of the table; undefined when it is better to gather all matches by the
 * filters' own indexes. Statistics cannot say how many rows match several filters at once, so the first rows are
 * looked at: how many of them match tells how far it would be to walk on. That is weighed against gathering.
 */
export async function walkIfNear<Place>({ limit, walk, cost }: Walk<Place>): Promise<Place[] | undefined> {
  let affordable: number | undefined;
  for (let rows = LOOK; ;) {
    const { places, scanned } = await walk(rows);
    if (places.length >= limit || scanned < rows) return places;
    affordable ??= await cost();
    const found = places.length > 0;
    const needed = found ? Math.ceil((ROOM * limit * rows) / places.length) : FURTHER * rows;
    if (needed > affordable * (found ? 1 : CHANCE)) return undefined;
    rows = needed;
  }
}
