/** What one list has that another one has not, by identity. */
export interface ListChanges<T> {
  /** In the list before alone, in its order. */
  readonly gone: readonly T[];
  /** In the list after alone, in its order. */
  readonly come: readonly T[];
}

/**
 * Compares two lists, none of which has an item twice. Of thousands of items
 * hardly one is looked at where the lists begin and end alike.
 */
export function listChanges<T>(
  before: readonly T[],
  after: readonly T[],
): ListChanges<T> {
  const { from, beforeTo, afterTo } = differingStretch(before, after);
  const old = new Set(before.slice(from, beforeTo));
  const now = new Set(after.slice(from, afterTo));
  return { gone: [...old.difference(now)], come: [...now.difference(old)] };
}

/**
 * Goes on with what was made of each item of a list, for the next list.
 *
 * @param made of `before`, item by item
 * @returns the same for `after`; undefined for items that have come
 */
export function carryOver<T, M>(
  before: readonly T[],
  made: readonly M[],
  after: readonly T[],
): (M | undefined)[] {
  const { from, beforeTo, afterTo } = differingStretch(before, after);
  const old = new Map<T, M | undefined>();
  for (let i = from; i < beforeTo; i++) {
    const item = before[i];
    if (item !== undefined) old.set(item, made[i]);
  }
  return [
    ...made.slice(0, from),
    ...after.slice(from, afterTo).map((item) => old.get(item)),
    ...made.slice(beforeTo),
  ];
}

/** Between what two lists begin with alike and what they end with alike. */
function differingStretch<T>(before: readonly T[], after: readonly T[]) {
  let from = 0;
  let beforeTo = before.length;
  let afterTo = after.length;
  const shorter = Math.min(beforeTo, afterTo);
  while (from < shorter && before[from] === after[from]) from++;
  while (
    beforeTo > from && afterTo > from &&
    before[beforeTo - 1] === after[afterTo - 1]
  ) {
    beforeTo--;
    afterTo--;
  }
  return { from, beforeTo, afterTo };
}
