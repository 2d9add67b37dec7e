/**
 * Damage for fuzzing: small changes to valid files, drawn from numbers that a seed decides. Raw ones work on bytes; structured
 * ones know JSON, protocol buffers and pickles, so that what they make is still read beyond its first byte.
 */

/** Numbers from a seed: `draw(n)` is a whole number from 0 to n − 1. Splitmix32, by Guy Steele and others. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const draw = (n) => Math.floor((next() / 2 ** 32) * n);
  return { draw, pick: (list) => list[draw(list.length)], chance: (share) => next() / 2 ** 32 < share };
}

/** Numbers at which readers go wrong. */
const EXTREMES = [0, 1, 2, 7, 255, 256, 65535, 65536, 1e6, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1];

/** Some bytes in place of others. */
function withBytes(bytes, at, most, insert) {
  const remove = Math.min(most, bytes.length - at);
  const out = new Uint8Array(bytes.length - remove + insert.length);
  out.set(bytes.subarray(0, at));
  out.set(insert, at);
  out.set(bytes.subarray(at + remove), at + insert.length);
  return out;
}

/** Ways to change bytes of which nothing is known. */
const RAW = [
  // A bit
  (bytes, { draw }) => {
    const out = bytes.slice();
    if (out.length > 0) out[draw(out.length)] ^= 1 << draw(8);
    return out;
  },
  // A byte
  (bytes, { draw, pick }) => {
    const out = bytes.slice();
    if (out.length > 0) out[draw(out.length)] = pick([0, 1, 127, 128, 255, draw(256)]);
    return out;
  },
  // Cut
  (bytes, { draw }) => bytes.slice(0, draw(bytes.length + 1)),
  // A piece less
  (bytes, { draw }) => {
    const at = draw(bytes.length + 1);
    return withBytes(bytes, at, draw(16) + 1, []);
  },
  // A piece twice
  (bytes, { draw }) => {
    const from = draw(bytes.length + 1);
    return withBytes(bytes, draw(bytes.length + 1), 0, bytes.subarray(from, from + 1 + draw(64)));
  },
  // A piece in another place
  (bytes, { draw }) => {
    const out = bytes.slice();
    const [from, to] = [draw(bytes.length + 1), draw(bytes.length + 1)];
    out.copyWithin(to, from, from + 1 + draw(64));
    return out;
  },
  // A number of 2, 4 or 8 bytes
  (bytes, { draw, pick }) => {
    const size = pick([2, 4, 8]);
    if (bytes.length < size) return bytes.slice();
    const out = bytes.slice();
    const view = new DataView(out.buffer);
    const [at, value, little] = [draw(bytes.length - size + 1), BigInt(pick(EXTREMES)), draw(4) > 0];
    if (size === 2) view.setUint16(at, Number(value & 0xffffn), little);
    else if (size === 4) view.setUint32(at, Number(value & 0xffffffffn), little);
    else view.setBigUint64(at, value, little);
    return out;
  },
  // Digits
  (bytes, { draw, pick }) => {
    const places = [...bytes.keys()].filter((i) => bytes[i] >= 48 && bytes[i] <= 57);
    if (places.length === 0) return bytes.slice();
    const digits = new TextEncoder().encode(String(pick([...EXTREMES, -1, 0.5, "1e308", "99999999999999999999"])));
    return withBytes(bytes, places[draw(places.length)], 1, digits);
  },
];

/** One to four changes of some bytes. */
export function mutateBytes(bytes, rng) {
  let out = bytes;
  for (let i = 1 + rng.draw(4); i > 0; i--) out = rng.pick(RAW)(out, rng);
  return out;
}

const long = (n) => "x".repeat(n);
/** Values of other types than the one that stands there. */
const STRANGERS = [
  () => null,
  () => true,
  () => "",
  () => "__proto__",
  () => "\u001b[31m\n",
  () => long(100_000),
  () => [],
  () => ({}),
  () => ({ toString: 1, valueOf: 2 }),
  () => [[[[[[[[[[[[1]]]]]]]]]]]],
  () => new Array(2000).fill(0),
  () => Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])),
  ({ pick }) => pick([...EXTREMES, -1, -0.5, 0.1, 1e308, -1e308, 5e-324]),
  ({ draw }) => draw(12),
  ({ draw }) => draw(1000) / 7,
];

/** Places in a value of JSON: each with the object or list that holds it, and its key there. */
function placesIn(value, found = [], depth = 0) {
  if (typeof value !== "object" || value === null || depth > 50) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    placesIn(value[key], found, depth + 1);
  }
  return found;
}

/** One to three changes of a value of JSON, which is copied. */
export function mutateJson(value, rng) {
  const { draw, pick } = rng;
  const root = { value: structuredClone(value) };
  for (let i = 1 + draw(3); i > 0; i--) {
    const places = placesIn(root);
    const [holder, key] = pick(places);
    const [other, otherKey] = pick(places);
    const ways = [
      () => (holder[key] = pick(STRANGERS)(rng)),
      () => (holder[key] = structuredClone(other[otherKey])),
      () => (Array.isArray(holder) ? holder.splice(Number(key), 1) : holder === root || delete holder[key]),
      () => (Array.isArray(holder) ? holder.splice(Number(key), 0, structuredClone(holder[key])) : undefined),
      () => (Array.isArray(holder) ? undefined : (holder[`${key}2`] = holder[key])),
      () => (typeof holder[key] === "number" ? (holder[key] = pick(EXTREMES)) : undefined),
      () =>
        Array.isArray(holder[key]) && JSON.stringify(holder[key]).length < 1000
          ? (holder[key] = new Array(300).fill(holder[key]).flat())
          : undefined,
    ];
    pick(ways)();
  }
  return root.value;
}

/** The fields of a message of a protocol buffer; undefined where the bytes are none. */
function fieldsOf(bytes) {
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = varint();
    if (key === undefined || key < 8n) return undefined;
    const [field, type] = [key >> 3n, Number(key & 7n)];
    if (type === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.push({ field, type, value });
    } else {
      const length = type === 2 ? Number(varint() ?? -1n) : type === 1 ? 8 : type === 5 ? 4 : -1;
      if (length < 0 || at + length > bytes.length) return undefined;
      fields.push({ field, type, value: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return fields;
}

function encodeFields(fields) {
  const out = [];
  const varint = (value) => {
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
    out.push(Number(rest));
  };
  for (const { field, type, value } of fields) {
    varint((field << 3n) | BigInt(type));
    if (type === 0) varint(value);
    else {
      if (type === 2) varint(BigInt(value.length));
      for (const byte of value) out.push(byte);
    }
  }
  return Uint8Array.from(out);
}

/** Changes of the fields of one message. */
const PROTO = [
  (fields, i, { pick }) =>
    fields.splice(i, 1, { ...fields[i], field: BigInt(1 + pick([0, 1, 2, 3, 4, 6, 7, 8, 13, 19])) }),
  (fields, i) => fields.splice(i, 0, fields[i]),
  (fields, i, { draw }) => fields.splice(i, 0, ...new Array(1 + draw(300)).fill(fields[i])),
  (fields, i) => fields.splice(i, 1),
  (fields, i, { draw }) => fields.splice(draw(fields.length), 0, ...fields.splice(i, 1)),
  (fields, i, rng) => {
    const { type, value } = fields[i];
    const extreme = BigInt(rng.pick([...EXTREMES, -1, -2, 3, 4, 5]));
    fields[i] = { ...fields[i], value: type === 0 ? extreme : mutateBytes(value, rng) };
  },
  (fields, i, { pick }) => {
    if (fields[i].type === 0) fields[i] = { ...fields[i], value: fields[i].value + BigInt(pick([-1, 1, 8])) };
  },
];

/** One to three changes of a protocol buffer, at any depth. */
export function mutateProto(bytes, rng) {
  const changed = (part, depth) => {
    const fields = fieldsOf(part);
    if (fields === undefined || fields.length === 0) return mutateBytes(part, rng);
    const i = rng.draw(fields.length);
    const inner = fields[i].type === 2 && fields[i].value.length > 0 ? fieldsOf(fields[i].value) : undefined;
    if (inner !== undefined && depth < 8 && rng.chance(0.8)) {
      fields[i] = { ...fields[i], value: changed(fields[i].value, depth + 1) };
    } else rng.pick(PROTO)(fields, i, rng);
    return encodeFields(fields);
  };
  let out = bytes;
  for (let i = 1 + rng.draw(3); i > 0; i--) out = changed(out, 0);
  return out;
}

/** Instructions of pickles, and some in a row that do much. */
const INSTRUCTIONS = [..."(012NKMJILGFXVUTSBCtladesu}])qrphjgcRiobQP."].map((c) => [c.charCodeAt(0)]);
for (let code = 0x80; code <= 0x98; code++) INSTRUCTIONS.push([code]);
const ROWS = [
  // The topmost value in a tuple with itself, again and again: as a key it would be written out 2ⁿ times
  () => Array.from({ length: 60 }, () => [0x71, 9, 0x68, 9, 0x86]).flat(),
  () => new Array(5000).fill(0x85),
  () => new Array(3000).fill(0x7d),
  () => [0x71, 9, ...Array.from({ length: 300 }, () => [0x68, 9]).flat()],
  () => [...[..."ccollections\nOrderedDict\n"].map((c) => c.charCodeAt(0)), 0x29, 0x52],
  () => [0x8a, 8, 255, 255, 255, 255, 255, 255, 255, 127],
  () => [0x8b, 255, 255, 255, 127],
];

/** One to four instructions more, or other bytes, in a pickle. */
export function mutatePickle(bytes, rng) {
  let out = bytes;
  for (let i = 1 + rng.draw(4); i > 0; i--) {
    const insert = rng.chance(0.2) ? rng.pick(ROWS)() : rng.pick(INSTRUCTIONS);
    out = rng.chance(0.6) ? withBytes(out, rng.draw(out.length + 1), rng.draw(2), insert) : mutateBytes(out, rng);
  }
  return out;
}
