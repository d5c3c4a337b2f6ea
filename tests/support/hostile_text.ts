import fc from "fast-check";

/** Everything that has broken a log or a terminal, among any text. */
export const hostileText: fc.Arbitrary<string> = fc.array(fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    ...["\n", "\r", "\x1b[2J", "\x07", "\x7f", "\x85", "\x9b31m", "\u2028"],
    ...[
      "\u2029",
      "\u202e",
      "\u2066",
      "\ufeff",
      "\ud800",
      "\udc00",
      "\u{e0041}",
    ],
    ...["\nINFO Advertising evil/arm64", '"}\n{"level":"info"'],
  ),
)).map((parts) => parts.join(""));
/** What no line of a log or of a result may hold. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
