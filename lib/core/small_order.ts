/**
 * The y coordinates, as a public key has them but for the sign of x, of the
 * eight points of Curve25519 whose order divides 8, non-canonical ones (y of p
 * and p + 1) included. With any sign they are fourteen keys, the list that
 * libsodium refuses (`ge25519_has_small_order`); RFC 8032, 5.1.7, leaves them to
 * the application. Anybody signs for them: k * A takes at most eight values, so
 * that S = 0 and a guessed R fit one message of eight, and all with order 1.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  // 0: order 4, and p, the same.
  "0000000000000000000000000000000000000000000000000000000000000000",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  // 1: order 1, and p + 1, the same.
  "0100000000000000000000000000000000000000000000000000000000000000",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  // p - 1: order 2.
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  // Order 8.
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);

/** Whether an Ed25519 public key is a point for which anybody can sign. */
export function isOfSmallOrder(publicKey: Uint8Array): boolean {
  const y = publicKey.slice();
  // The highest bit is the sign of x (RFC 8032, 5.1.2).
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER_Y.has(y.toHex());
}
