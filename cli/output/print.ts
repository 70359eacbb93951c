import type { Io } from "../io.ts";
import { type Cell, table } from "./table.ts";

export const FORMATS = ["table", "json", "jsonl"] as const;
export type Format = (typeof FORMATS)[number];

/** What one column shows of an item. */
export type Columns<Item> = Readonly<Record<string, (item: Item) => Cell>>;

/** Writes answers in the format that was asked for. */
export class Printer {
  readonly #io: Io;
  readonly format: Format;

  constructor(io: Io, format: Format) {
    this.#io = io;
    this.format = format;
  }

  /** Items as a table, as one JSON array, or as one JSON object a line. */
  items<Item>(items: readonly Item[], columns: Columns<Item>): void {
    if (this.format === "json") this.#io.output.write(`${JSON.stringify(items, null, 2)}\n`);
    else if (this.format === "jsonl") for (const item of items) this.#io.output.write(`${JSON.stringify(item)}\n`);
    else this.#table(items, columns);
  }

  /** One item, which is one object in both JSON formats. */
  item<Item>(item: Item, columns: Columns<Item>): void {
    if (this.format === "table") this.#table([item], columns);
    else this.#io.output.write(`${JSON.stringify(item, null, this.format === "json" ? 2 : undefined)}\n`);
  }

  /** A further table below the first. */
  more<Item>(items: readonly Item[], columns: Columns<Item>): void {
    this.#io.output.write("\n");
    this.#table(items, columns);
  }

  /** A line for the person only. */
  hint(text: string): void {
    this.#io.errors.write(`${text}\n`);
  }

  #table<Item>(items: readonly Item[], columns: Columns<Item>): void {
    const rows = items.map((item) => Object.values(columns).map((show) => show(item)));
    if (rows.length === 0) this.hint("Nothing found.");
    else this.#io.output.write(table(Object.keys(columns), rows, this.#io.color));
  }
}
