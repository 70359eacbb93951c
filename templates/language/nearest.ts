/** The longest word that is compared: longer ones are no slips of a known one. */
const LONGEST = 40;

/** Letters to put in, take out or replace, and neighbours to swap count as two. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 0; i < left.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < right.length; j += 1) {
      const replaced = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** The known word that was probably meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST) {
    return undefined;
  }
  let best: { readonly name: string; readonly apart: number } | undefined;
  for (const name of known) {
    const most = name.length < 4 ? 1 : 2;
    const apart = Math.abs(name.length - word.length) > most ? Infinity : distance(word, name);
    if (apart <= most && apart < (best?.apart ?? Infinity)) {
      best = { name, apart };
    }
  }
  return best?.name;
}
