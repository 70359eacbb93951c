/** The longest word that is compared: longer ones are no slips of a known one. */
const LONGEST = 40;

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, char] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (char === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The known word that was probably meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST) {
    return undefined;
  }
  const near = known
    .map((name) => ({ name, apart: distance(word, name) }))
    .filter(({ name, apart }) => apart <= (name.length < 4 ? 1 : 2))
    .toSorted((left, right) => left.apart - right.apart);
  return near[0]?.name;
}
