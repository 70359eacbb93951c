/** Rules for generated passwords. Lengths are characters. */
export interface Strength {
  readonly minLength: number;
  readonly maxLength: number;
  readonly lowercase: number;
  readonly uppercase: number;
  readonly digits: number;
  readonly symbols: number;
  /** The symbols that may occur. */
  readonly symbolSet: string;
  /** Whether the same character may stand twice in a row. */
  readonly repeatedNeighbours: boolean;
}

/** What a device can take, said by its plugin. */
export interface LegalPassword {
  /** Every character the device accepts, as one string. */
  readonly alphabet: string;
  readonly minLength: number;
  readonly maxLength: number;
  /** Characters that may stand first; the whole alphabet when absent. */
  readonly firstCharacter?: string;
}

/** The strength that ships: 24 characters, all four classes, symbols that no shell, SQL or URL treats specially. */
export const DEFAULT_STRENGTH: Strength = {
  minLength: 24,
  maxLength: 24,
  lowercase: 2,
  uppercase: 2,
  digits: 2,
  symbols: 2,
  symbolSet: "-_.+=",
  repeatedNeighbours: false,
};
