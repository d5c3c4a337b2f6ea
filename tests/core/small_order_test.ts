import assert from "node:assert/strict";
import { isOfSmallOrder } from "../../lib/core/small_order.ts";

const P = 2n ** 255n - 19n;
const D = modulo(-121665n * power(121666n, P - 2n));
type Point = readonly [x: bigint, y: bigint];

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let bit = 254n; bit >= 0n; bit--) {
    result = modulo(result * result);
    if ((exponent >> bit) & 1n) result = modulo(result * base);
  }
  return result;
}

/** RFC 8032, 5.1.4, in affine coordinates. */
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const t = modulo(D * x1 * x2 % P * y1 % P * y2);
  return [
    modulo((x1 * y2 + x2 * y1) * power(1n + t, P - 2n)),
    modulo((y1 * y2 + x1 * x2) * power(modulo(1n - t), P - 2n)),
  ];
}

function isOnCurve([x, y]: Point): boolean {
  return modulo(y * y - x * x) === modulo(1n + D * x % P * x % P * y % P * y);
}

/** Of a point of order 8: x * x = -y * y there, as doubling gives y = 0. */
function xOf(y: bigint): bigint {
  return modulo(y * power(2n, (P - 1n) / 4n));
}

/** A key of y, which may be p or more, and the sign of x. */
function keyOf(y: bigint, sign: bigint): Uint8Array {
  const hex = (y | (sign << 255n)).toString(16).padStart(64, "0");
  return Uint8Array.fromHex(hex).reverse();
}

Deno.test("isOfSmallOrder() knows all multiples of a point of order 8, in every encoding", () => {
  const bytes = Uint8Array.fromHex(
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  );
  const y = BigInt(`0x${bytes.reverse().toHex()}`);
  const generator: Point = [xOf(y), y];
  assert.ok(isOnCurve(generator));
  const ys = new Set<bigint>();
  let point: Point = [0n, 1n];
  for (let i = 0; i < 8; i++) {
    ys.add(point[1]);
    point = add(point, generator);
  }
  assert.deepEqual(point, [0n, 1n], "its order is 8");
  assert.equal(ys.size, 5, "x and -x have one y");
  for (const y of ys) {
    const encodings = y + P < 2n ** 255n ? [y, y + P] : [y];
    for (const encoded of encodings) {
      for (const sign of [0n, 1n]) {
        assert.ok(isOfSmallOrder(keyOf(encoded, sign)), `${encoded}`);
      }
    }
  }
});

Deno.test("isOfSmallOrder() lets other keys pass", () => {
  for (const y of [2n, 3n, P - 2n, P + 2n, 2n ** 255n - 1n]) {
    assert.ok(!isOfSmallOrder(keyOf(y, 0n)), `${y}`);
  }
});
