/**
 * The candidate that a mistyped word most likely meant, or undefined when
 * none is near: at most a third of the letters, and at least one, may differ.
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  const lettersOfB = [...b];
  let row = Array.from({ length: lettersOfB.length + 1 }, (_, i) => i);
  for (const [i, ca] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, cb] of lettersOfB.entries()) {
      next.push(Math.min(
        (row[j + 1] ?? 0) + 1,
        (next[j] ?? 0) + 1,
        (row[j] ?? 0) + (ca === cb ? 0 : 1),
      ));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
