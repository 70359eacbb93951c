import type { Command, Complaint, TagName } from "./script.ts";
import type { Place } from "./rules.ts";

/** Something read, and what was wrong or doubtful with it. */
export interface Reading<T> {
  readonly value: T;
  readonly complaints: Complaint[];
}

export interface PlacedTag extends Place {
  readonly name: TagName;
}

/** A command with the places of what complaints may be about. */
export interface PlacedCommand extends Command {
  readonly column: number;
  readonly tags: readonly PlacedTag[];
}
