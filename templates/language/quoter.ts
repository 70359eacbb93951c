import type { TagName } from "./script.ts";

/** Puts values into one text. It has looked at the whole text once, so that each value takes no more than its length. */
export interface Quoter {
  /** What is the same at every mark that quotes alike. */
  key(mark: number): string;
  /**
   * What stands in the text for a value.
   * @throws CannotCarry when the value cannot stand there
   */
  quote(mark: number, tag: TagName, value: string): string;
}

/** A quoter that looks up what a mark's place is. */
export function quoterOf<Place>(
  places: ReadonlyMap<number, Place>,
  quote: (place: Place, tag: TagName, value: string) => string,
): Quoter {
  return {
    key: (mark) => JSON.stringify(places.get(mark)),
    quote(mark, tag, value) {
      const place = places.get(mark);
      if (place === undefined) {
        throw new RangeError("no tag stands there");
      }
      return quote(place, tag, value);
    },
  };
}
