/** Bytes without any meaning. @param random gives 0 to below 1 */
export function randomPacket(random: () => number): Uint8Array {
  return Uint8Array.from(
    { length: below(random, 300) },
    () => below(random, 256),
  );
}

/** A packet with a few bytes changed, lost or doubled. */
export function mutatedPacket(
  random: () => number,
  packet: Uint8Array,
): Uint8Array {
  const bytes = [...packet];
  for (let changes = 1 + below(random, 6); changes > 0; changes--) {
    const at = below(random, bytes.length + 1);
    const kind = below(random, 4);
    if (kind === 0) bytes.splice(at, below(random, 20));
    else if (kind === 1) bytes.splice(at, 0, ...bytes.slice(at, at + 20));
    else bytes[at] = below(random, 256);
  }
  return Uint8Array.from(bytes.slice(0, 9000));
}

/** A whole number from 0 to below `limit`. */
export function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}
