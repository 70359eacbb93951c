import { performance } from "node:perf_hooks";
import { type Measured, spread } from "./stats.ts";

/**
 * Works through items, `concurrency` at once, the next as soon as one is done: the load is closed.
 * @param work gets the item and which of the concurrent lanes it runs in (0..concurrency-1)
 */
export async function load<Item>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item, lane: number) => Promise<void>,
): Promise<Measured> {
  const queue = items.values();
  const times: number[] = [];
  const start = performance.now();
  async function lane(number: number): Promise<void> {
    for (const item of queue) {
      const begun = performance.now();
      await work(item, number);
      times.push(performance.now() - begun);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, number) => lane(number)));
  const seconds = (performance.now() - start) / 1000;
  return { count: times.length, perSecond: times.length / seconds, ...spread(times) };
}
