import fc from "fast-check";
import { expect, test } from "vitest";
import { components } from "./order.ts";

/** Everything that a node needs, directly or not. */
function reach(graph: readonly (readonly number[])[], from: number): Set<number> {
  const seen = new Set<number>();
  const open = [...(graph[from] ?? [])];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...(graph[node] ?? []));
  }
  return seen;
}

test("each node once, with exactly those that need it and are needed by it, after all that it needs", () => {
  const graphs = fc.integer({ min: 0, max: 12 }).chain((size) =>
    fc.array(fc.array(fc.nat({ max: Math.max(0, size - 1) }), { maxLength: 3 }), {
      minLength: size,
      maxLength: size,
    }),
  );
  fc.assert(
    fc.property(graphs, (graph) => {
      const nodes = graph.map((_, index) => index);
      const found = components(nodes, (node) => graph[node] ?? []);
      expect(found.flat().toSorted((a, b) => a - b)).toEqual(nodes);
      const place = new Map(found.flatMap((component, at) => component.map((node) => [node, at])));
      for (const node of nodes)
        for (const other of nodes) {
          if (!reach(graph, node).has(other)) continue;
          expect(place.get(other)).toBeLessThanOrEqual(place.get(node) ?? -1);
          if (other !== node) expect(place.get(other) === place.get(node)).toBe(reach(graph, other).has(node));
        }
    }),
    { numRuns: 1000 },
  );
});

test("a chain as long as the largest file needs no deep stack", () => {
  const nodes = Array.from({ length: 10_000 }, (_, index) => index);
  const found = components(nodes, (node) => (node + 1 < nodes.length ? [node + 1] : []));
  expect(found.map(([node]) => node)).toEqual(nodes.toReversed());
});
