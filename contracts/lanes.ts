/**
 * Works through items in their order, so many at once. A rejection of `work` rejects the whole; its other lanes go on.
 * @param atOnce lanes
 */
export async function inLanes<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, lane));
}
