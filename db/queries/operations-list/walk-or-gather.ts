/** Two ways to fill a page. */
export interface Ways<Place> {
  readonly limit: number;
  /** Looks at so many rows in the order of the list, and keeps those that match. */
  walk(rows: number): Promise<Walked<Place>>;
  /** What gathering is expected to cost, in rows that could be walked meanwhile. */
  cost(): Promise<number>;
  /** Collects all that match, and sorts them. */
  gather(): Promise<Place[]>;
}

export interface Walked<Place> {
  readonly places: Place[];
  /** Rows that were looked at: fewer than asked for when the list ended. */
  readonly scanned: number;
}

/** Rows of the first look. */
const LOOK = 2000;
/** How much further to look when nothing was found, and which part of gathering's cost that may be. */
const FURTHER = 8;
const CHANCE = 1 / 4;
/** Matches are not spread evenly: a little more than needed on average. */
const ROOM = 1.5;

/**
 * Fills a page at any size of the table. Statistics cannot say how many rows match several filters at once, so the
 * first rows behind the place are looked at: how many of them match tells how far it would be to walk on. That is
 * weighed against gathering all matches by the filters' own indexes.
 */
export async function walkOrGather<Place>({ limit, walk, cost, gather }: Ways<Place>): Promise<Place[]> {
  let affordable: number | undefined;
  for (let rows = LOOK; ;) {
    const { places, scanned } = await walk(rows);
    if (places.length >= limit || scanned < rows) return places;
    affordable ??= await cost();
    const found = places.length > 0;
    const needed = found ? Math.ceil((ROOM * limit * rows) / places.length) : FURTHER * rows;
    if (needed > affordable * (found ? 1 : CHANCE)) return gather();
    rows = needed;
  }
}
