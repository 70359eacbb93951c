/**
 * The public key of MariaDB's ed25519 log-in, https://mariadb.com/kb/en/authentication-plugin-ed25519/: RFC 8032, but
 * the secret key is the password itself, of any length. Node takes secret keys of 32 bytes only, hence this.
 */
import { createHash } from "node:crypto";

const P = 2n ** 255n - 19n;
const D = modulo(-121665n * inverse(121666n));
const KEY_BYTES = 32;

/** RFC 8032, 5.1.4: X, Y, Z, T with x = X/Z, y = Y/Z, x * y = T/Z. */
type Point = readonly [bigint, bigint, bigint, bigint];

const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;
const BASE: Point = [BASE_X, BASE_Y, 1n, modulo(BASE_X * BASE_Y)];

/** @returns 32 bytes */
export function publicKey(secret: Buffer): Buffer {
  const bytes = createHash("sha512").update(secret).digest().subarray(0, KEY_BYTES);
  bytes.writeUInt8(bytes.readUInt8(0) & 248, 0);
  bytes.writeUInt8((bytes.readUInt8(31) & 63) | 64, 31);
  const [x, y, z] = multiply(BASE, BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`));
  const scale = inverse(z);
  const sign = modulo(x * scale) & 1n;
  const encoded = modulo(y * scale) | (sign << 255n);
  return Buffer.from(encoded.toString(16).padStart(2 * KEY_BYTES, "0"), "hex").reverse();
}

/** Both products are made for each bit: how long it takes says little about the scalar. */
function multiply(point: Point, scalar: bigint): Point {
  let low: Point = [0n, 1n, 1n, 0n];
  let high = point;
  for (let bit = 255n; bit >= 0n; bit -= 1n) {
    const sum = add(low, high);
    if (((scalar >> bit) & 1n) === 1n) [low, high] = [sum, add(high, high)];
    else [low, high] = [add(low, low), sum];
  }
  return low;
}

function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = modulo((y1 - x1) * (y2 - x2));
  const b = modulo((y1 + x1) * (y2 + x2));
  const c = modulo(2n * t1 * t2 * D);
  const d = modulo(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [modulo(e * f), modulo(g * h), modulo(f * g), modulo(e * h)];
}

function modulo(number: bigint): bigint {
  const rest = number % P;
  return rest < 0n ? rest + P : rest;
}

/** By Fermat: a^(p-2). */
function inverse(number: bigint): bigint {
  let result = 1n;
  let power = modulo(number);
  for (let left = P - 2n; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = modulo(result * power);
    power = modulo(power * power);
  }
  return result;
}
