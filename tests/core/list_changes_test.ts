import assert from "node:assert/strict";
import { carryOver, listChanges } from "../../lib/core/list_changes.ts";

for (
  const [before, after, gone, come] of [
    ["", "", "", ""],
    ["abc", "abc", "", ""],
    ["abc", "aXc", "b", "X"],
    ["abc", "", "abc", ""],
    ["", "abc", "", "abc"],
    ["abcde", "aXcYe", "bd", "XY"],
    ["abc", "abXc", "", "X"],
    ["abc", "cba", "", ""],
    ["ab", "Xab", "", "X"],
  ] as const
) {
  Deno.test(`listChanges() from "${before}" to "${after}" finds "${gone}" gone and "${come}" come`, () => {
    assert.deepEqual(listChanges([...before], [...after]), {
      gone: [...gone],
      come: [...come],
    });
  });

  Deno.test(`carryOver() from "${before}" to "${after}" keeps what was made of each that stays`, () => {
    const codeOf = (letter: string) => letter.codePointAt(0);
    const made = [...before].map(codeOf);
    assert.deepEqual(
      carryOver([...before], made, [...after]),
      [...after].map((letter) =>
        before.includes(letter) ? codeOf(letter) : undefined
      ),
    );
  });
}
