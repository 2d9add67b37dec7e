/**
 * A small typed assembler for WebAssembly with threads and SIMD. Expressions carry their value type, so a kernel that
 * adds a pointer to a vector does not compile; statements are methods of the function being built. Encoding follows the
 * WebAssembly core specification 2.0 with the threads and relaxed-SIMD proposals.
 */
import { Bytes, signed, unsigned } from "./bytes.ts";
import { FUSABLE } from "./fusable.ts";

export type ValueType = "i32" | "f32" | "v128";

/**
 * What leaves one value of type T on the stack: an instruction behind its operands. It stays a tree until a function takes
 * it, so that no byte is copied from expression to expression.
 */
export interface Expr<T extends ValueType = ValueType> {
  readonly type: T;
  readonly operands: readonly Expr[];
  /** The instruction alone. */
  readonly code: readonly number[];
  /** The value of an i32 that is known now. */
  readonly constant: number | undefined;
}

export type I32 = Expr<"i32">;
export type F32 = Expr<"f32">;
export type V128 = Expr<"v128">;

/** A local variable or parameter; as an expression, its value. */
export interface Local<T extends ValueType = ValueType> extends Expr<T> {
  readonly index: number;
}

const TYPE_CODES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const satisfies Record<ValueType, number>;
const VOID = 0x40;
const END = 0x0b;

const make = <T extends ValueType>(type: T, code: readonly number[], ...operands: readonly Expr[]): Expr<T> => ({
  type,
  operands,
  code,
  constant: undefined,
});

// Instructions are written by appending: there are tens of thousands, and this code runs once, before V8 has translated it
// well; spreading arrays into arrays took a third of the time.
const simd = (opcode: number): number[] => unsigned(opcode, [0xfd]);

/** An instruction with its memory operand: alignment exponent 0 (a hint only) and a constant offset. */
function at(code: number[], offset: number): number[] {
  code.push(0);
  return unsigned(offset, code);
}

/** An instruction that names a lane. */
function withLane(code: number[], lane: number): number[] {
  code.push(lane);
  return code;
}

/** Bytes of the instruction that makes a vector constant. */
const CONSTANT_LENGTH = simd(0x0c).length + 16;

// Views for all constants: there are thousands of those, and making a view takes long.
const vector = new Uint8Array(16);
const vectorF = new Float32Array(vector.buffer);
const vectorI = new Int32Array(vector.buffer);
const vectorD = new Float64Array(vector.buffer);
function vectorConst(): V128 {
  const code = simd(0x0c);
  for (let i = 0; i < 16; i++) code.push(vector[i]);
  return make("v128", code);
}

// Integers, for addresses and counters ------------------------------------------------------------------------------------

const NONE: readonly Expr[] = [];

export const i32 = (value: number): I32 => ({
  type: "i32",
  operands: NONE,
  code: signed(value, [0x41]),
  constant: value | 0,
});

/** a + b; constants are folded, since address arithmetic is full of zeros. */
export function addI(a: I32, b: I32 | number): I32 {
  const right = typeof b === "number" ? b : b.constant;
  const left = a.constant;
  if (right === 0) return a;
  if (left === 0 && typeof b !== "number") return b;
  if (left !== undefined && right !== undefined) return i32(left + right);
  return make("i32", [0x6a], a, typeof b === "number" ? i32(b) : b);
}

/** a · b; constants are folded. */
export function mulI(a: I32, b: I32 | number): I32 {
  const right = typeof b === "number" ? b : b.constant;
  const left = a.constant;
  if (right === 0 || left === 0) return i32(0);
  if (right === 1) return a;
  if (left !== undefined && right !== undefined) return i32(Math.imul(left, right));
  return make("i32", [0x6c], a, typeof b === "number" ? i32(b) : b);
}

/** Text that is equal for equal expressions. */
const textOf = ({ code, operands }: Expr): string => `${code}(${operands.map(textOf)})`;

const literal = (b: I32 | number): I32 => (typeof b === "number" ? i32(b) : b);
export const subI = (a: I32, b: I32 | number): I32 => make("i32", [0x6b], a, literal(b));
export const divU = (a: I32, b: I32 | number): I32 => make("i32", [0x6e], a, literal(b));
export const remU = (a: I32, b: I32 | number): I32 => make("i32", [0x70], a, literal(b));
export const andI = (a: I32, b: I32 | number): I32 => make("i32", [0x71], a, literal(b));
export const ltS = (a: I32, b: I32 | number): I32 => make("i32", [0x48], a, literal(b));
export const ltU = (a: I32, b: I32 | number): I32 => make("i32", [0x49], a, literal(b));
export const gtS = (a: I32, b: I32 | number): I32 => make("i32", [0x4a], a, literal(b));
export const geS = (a: I32, b: I32 | number): I32 => make("i32", [0x4e], a, literal(b));
export const leS = (a: I32, b: I32 | number): I32 => make("i32", [0x4c], a, literal(b));
export const eqI = (a: I32, b: I32 | number): I32 => make("i32", [0x46], a, literal(b));
export const neI = (a: I32, b: I32 | number): I32 => make("i32", [0x47], a, literal(b));
export const eqz = (a: I32): I32 => make("i32", [0x45], a);
export const select = <T extends ValueType>(condition: I32, a: Expr<T>, b: Expr<T>): Expr<T> =>
  make(a.type, a.type === "v128" ? [0x1c, 1, TYPE_CODES.v128] : [0x1b], a, b, condition);
/** Zeros before the lowest bit that is set, or behind the highest; 32 where none is. */
export const ctz = (a: I32): I32 => make("i32", [0x68], a);
export const clz = (a: I32): I32 => make("i32", [0x67], a);
export const minS = (a: I32, b: I32): I32 => select(ltS(a, b), a, b);
export const maxS = (a: I32, b: I32): I32 => select(ltS(a, b), b, a);
export const gtF = (a: F32, b: F32): I32 => make("i32", [0x5e], a, b);
export const addF = (a: F32, b: F32): F32 => make("f32", [0x92], a, b);

// Memory --------------------------------------------------------------------------------------------------------------

export const loadI32 = (address: I32, offset = 0): I32 => make("i32", at([0x28], offset), address);
export const loadU8 = (address: I32, offset = 0): I32 => make("i32", at([0x2d], offset), address);
export const loadF32 = (address: I32, offset = 0): F32 => make("f32", at([0x2a], offset), address);
export const load = (address: I32, offset = 0): V128 => make("v128", at(simd(0x00), offset), address);
export const load32Splat = (address: I32, offset = 0): V128 => make("v128", at(simd(0x09), offset), address);
export const load32Zero = (address: I32, offset = 0): V128 => make("v128", at(simd(0x5c), offset), address);

/** `into` with its 16-bit lane `lane` loaded. */
export const load16Lane = (address: I32, into: V128, lane: number, offset = 0): V128 =>
  make("v128", withLane(at(simd(0x55), offset), lane), address, into);

export const atomicLoad = (address: I32): I32 => make("i32", [0xfe, 0x10, 2, 0], address);
export const atomicAdd = (address: I32, value: I32): I32 => make("i32", [0xfe, 0x1e, 2, 0], address, value);
export const atomicNotify = (address: I32, count: I32): I32 => make("i32", [0xfe, 0x00, 2, 0], address, count);
/** Sleeps until the word changes from `expected` (no time limit). */
export const atomicWait = (address: I32, expected: I32): I32 =>
  make("i32", [0x42, 0x7f, 0xfe, 0x01, 2, 0], address, expected);

// Vectors -------------------------------------------------------------------------------------------------------------

/** Four lanes of one float32 constant. */
export const splatConst = (value: number): V128 => {
  vectorF.fill(value);
  return vectorConst();
};
/** Four lanes of one int32 constant. */
export const splatConstI = (value: number): V128 => {
  vectorI.fill(value);
  return vectorConst();
};
export const i32x4Const = (lanes: readonly number[]): V128 => {
  vectorI.set(lanes);
  return vectorConst();
};

/** Two lanes of one float64 constant. */
export const splatConstD = (value: number): V128 => {
  vectorD.fill(value);
  return vectorConst();
};

const unaryV = (opcode: number) => {
  const code = simd(opcode);
  return (a: V128): V128 => make("v128", code, a);
};
const binaryV = (opcode: number) => {
  const code = simd(opcode);
  return (a: V128, b: V128): V128 => make("v128", code, a, b);
};

export const splatI = (a: I32): V128 => make("v128", simd(0x11), a);
/** Eight lanes of the low 16 bits. */
export const splatH = (a: I32): V128 => make("v128", simd(0x10), a);
export const splatF = (a: F32): V128 => make("v128", simd(0x13), a);
export const extractI = (a: V128, lane: number): I32 => make("i32", withLane(simd(0x1b), lane), a);
export const extractF = (a: V128, lane: number): F32 => make("f32", withLane(simd(0x1f), lane), a);

/** Lanes of a (0–3) and b (4–7) in a new order. */
export function shuffle(a: V128, b: V128, lanes: readonly [number, number, number, number]): V128 {
  const code = simd(0x0d);
  for (const lane of lanes) for (let byte = 0; byte < 4; byte++) code.push(lane * 4 + byte);
  return make("v128", code, a, b);
}

export const v = {
  add: binaryV(0xe4),
  sub: binaryV(0xe5),
  mul: binaryV(0xe6),
  div: binaryV(0xe7),
  min: binaryV(0xe8),
  max: binaryV(0xe9),
  /** b where b < a, or a < b, else a: one instruction each, unlike min and max, and a NaN in a stays. */
  pmin: binaryV(0xea),
  pmax: binaryV(0xeb),
  neg: unaryV(0xe1),
  abs: unaryV(0xe0),
  sqrt: unaryV(0xe3),
  floor: unaryV(0x68),
  nearest: unaryV(0x6a),
  eq: binaryV(0x41),
  ne: binaryV(0x42),
  lt: binaryV(0x43),
  gt: binaryV(0x44),
  le: binaryV(0x45),
  ge: binaryV(0x46),
  not: unaryV(0x4d),
  and: binaryV(0x4e),
  /** a and not b */
  andNot: binaryV(0x4f),
  or: binaryV(0x50),
  xor: binaryV(0x51),
  /** Bits of a where the mask is set, of b elsewhere. */
  bitselect: (a: V128, b: V128, mask: V128): V128 => make("v128", simd(0x52), a, b, mask),
  /** a·b + c in two roundings, marked so that a loader can make {@link v.relaxedMadd} of it; see fusable.ts. */
  fusableMadd: (a: V128, b: V128, c: V128): V128 => make("v128", FUSABLE.add, make("v128", FUSABLE.mul, a, b), c),
  /** a·b + c, fused where the machine does so. */
  relaxedMadd: (a: V128, b: V128, c: V128): V128 => make("v128", simd(0x105), a, b, c),
  truncToI: unaryV(0xf8),
  fromI: unaryV(0xfa),
  widenLow8: unaryV(0x89),
  widenHigh8: unaryV(0x8a),
  widenLow16: unaryV(0xa9),
} as const;

export const vi = {
  add: binaryV(0xae),
  sub: binaryV(0xb1),
  mul: binaryV(0xb5),
  min: binaryV(0xb6),
  max: binaryV(0xb8),
  neg: unaryV(0xa1),
  abs: unaryV(0xa0),
  eq: binaryV(0x37),
  ne: binaryV(0x38),
  lt: binaryV(0x39),
  gt: binaryV(0x3b),
  le: binaryV(0x3d),
  ge: binaryV(0x3f),
  shl: (a: V128, bits: number): V128 => make("v128", simd(0xab), a, i32(bits)),
  shrS: (a: V128, bits: number): V128 => make("v128", simd(0xac), a, i32(bits)),
  shrU: (a: V128, bits: number): V128 => make("v128", simd(0xad), a, i32(bits)),
} as const;

/** Two lanes of float64. */
export const vd = {
  add: binaryV(0xf0),
  sub: binaryV(0xf1),
  mul: binaryV(0xf2),
  div: binaryV(0xf3),
  max: binaryV(0xf5),
  /** The first two lanes of float32. */
  fromF: unaryV(0x5f),
  /** Both lanes as float32, and two zeros behind them. */
  toF: unaryV(0x5e),
} as const;

/** Whether any bit is set. */
export const anyTrue = (a: V128): I32 => make("i32", simd(0x53), a);
/** The highest bit of each of sixteen bytes, the first one lowest. */
export const bitmask = (a: V128): I32 => make("i32", simd(0x64), a);

/** Sixteen lanes of 8 bits, without sign. */
export const vb = {
  ne: binaryV(0x24),
  add: binaryV(0x6e),
  sub: binaryV(0x71),
  min: binaryV(0x77),
  max: binaryV(0x79),
  /** The 16-bit lanes of a and b, cut off at 0 and 255. */
  narrow: binaryV(0x66),
} as const;

/** Eight lanes of 16 bits. */
export const vh = {
  mul: binaryV(0x95),
  /** Products of neighbors with sign, added in pairs: four lanes of 32 bits. */
  dot: binaryV(0xba),
  /** The 32-bit lanes of a and b with sign, cut off at 0 and 65,535. */
  narrow: binaryV(0x86),
  shrU: (a: V128, bits: number): V128 => make("v128", simd(0x8d), a, i32(bits)),
} as const;

// Functions -----------------------------------------------------------------------------------------------------------

/** What takes vectors to store: a function, at once, or {@link HeldStores}, later. */
export interface Stores {
  store(address: I32, value: V128, offset?: number): void;
  /** Stores the first `lanes` lanes. */
  storeLanes(address: I32, value: V128, lanes: number, offset?: number): void;
  /** An address: what holds stores back evaluates it once among equal ones. */
  shared(address: I32): I32;
}

interface HeldStore {
  readonly offset: number;
  readonly value: V128;
  readonly lanes: number;
}

/** Stores of a function that come after all that is computed for them; see {@link Func.together}. */
export class HeldStores implements Stores {
  readonly #f: Func;
  /** Shared addresses, by the text of their expressions. */
  readonly #addresses = new Map<string, Local<"i32">>();
  readonly #stores = new Map<I32, HeldStore[]>();

  constructor(f: Func) {
    this.#f = f;
  }

  store(address: I32, value: V128, offset = 0): void {
    this.storeLanes(address, value, 4, offset);
  }

  storeLanes(address: I32, value: V128, lanes: number, offset = 0): void {
    const place = this.shared(address);
    const computed = "index" in value ? value : this.#f.let(value);
    const others = this.#stores.get(place) ?? [];
    others.push({ offset, value: computed, lanes });
    this.#stores.set(place, others);
  }

  shared(address: I32): I32 {
    if ("index" in address) return address;
    const text = textOf(address);
    const known = this.#addresses.get(text) ?? this.#f.let(address);
    this.#addresses.set(text, known);
    return known;
  }

  /** What is held so far: those at constant distances from one another side by side, the last first. */
  *sideBySide(): Iterable<HeldStore & { readonly address: I32 }> {
    for (const [address, stores] of this.#stores) {
      for (const store of [...stores].sort((a, b) => b.offset - a.offset)) yield { address, ...store };
    }
  }
}

/** A function of a module under construction. */
export class Func implements Stores {
  readonly name: string;
  readonly index: number;
  readonly params: readonly Local<"i32">[];
  readonly #locals: ValueType[] = [];
  readonly #code = new Bytes();
  readonly #constantsAtStart: boolean;
  /** Locals of vector constants, by their bytes. */
  readonly #constants = new Map<string, { readonly local: Local<"v128">; readonly code: readonly number[] }>();

  constructor(name: string, index: number, paramCount: number, constantsAtStart: boolean) {
    this.#constantsAtStart = constantsAtStart;
    this.name = name;
    this.index = index;
    this.params = Array.from({ length: paramCount }, (_, i) => this.#reference("i32", i));
  }

  #reference<T extends ValueType>(type: T, index: number): Local<T> {
    return { type, operands: NONE, code: unsigned(index, [0x20]), constant: undefined, index };
  }

  /** A new local, set to `value` if given. */
  local<T extends ValueType>(type: T, value?: Expr<T>): Local<T> {
    this.#locals.push(type);
    const local = this.#reference(type, this.params.length + this.#locals.length - 1);
    if (value !== undefined) this.set(local, value);
    return local;
  }

  /** Evaluates an expression once, so that it can be used several times. */
  let<T extends ValueType>(value: Expr<T>): Local<T> {
    return this.local(value.type, value);
  }

  #emit(code: readonly number[], ...operands: readonly Expr[]): void {
    for (const operand of operands) this.#evaluate(operand);
    this.#code.append(code);
  }

  #evaluate({ type, operands, code }: Expr): void {
    for (let i = 0; i < operands.length; i++) this.#evaluate(operands[i]);
    this.#code.append(type === "v128" && operands.length === 0 ? this.#constant(code) : code);
  }

  /** What reads a vector constant other than 0 from its local; other code without operands as it is. */
  #constant(code: readonly number[]): readonly number[] {
    if (!this.#constantsAtStart || code.length !== CONSTANT_LENGTH || code.slice(-16).every((byte) => byte === 0)) {
      return code;
    }
    const key = code.join();
    let known = this.#constants.get(key);
    if (known === undefined) {
      known = { local: this.local("v128"), code };
      this.#constants.set(key, known);
    }
    return known.local.code;
  }

  set<T extends ValueType>(local: Local<T>, value: Expr<T>): void {
    this.#emit(unsigned(local.index, [0x21]), value);
  }

  store(address: I32, value: V128, offset = 0): void {
    this.storeLanes(address, value, 4, offset);
  }

  storeLanes(address: I32, value: V128, lanes: number, offset = 0): void {
    if (lanes === 4) {
      this.#emit(at(simd(0x0b), offset), address, value);
      return;
    }
    if (lanes >= 2) this.#emit(withLane(at(simd(0x5b), offset), 0), address, value);
    if (lanes % 2 === 1) this.#emit(withLane(at(simd(0x5a), offset + (lanes - 1) * 4), lanes - 1), address, value);
  }

  shared(address: I32): I32 {
    return address;
  }

  /**
   * Computes everything in `body` before any vector that `body` gives to `held` is stored; then those at constant distances
   * from one another are stored side by side, the last first. Only so V8 joins two neighboring vectors, and all that leads
   * to them, into one of twice the width. Nothing in `body` may read what is held, branch around where it is given, or
   * change a local that stands in an address.
   */
  together(body: (held: HeldStores) => void): void {
    const held = new HeldStores(this);
    body(held);
    for (const { address, value, lanes, offset } of held.sideBySide()) this.storeLanes(address, value, lanes, offset);
  }

  storeI32(address: I32, value: I32, offset = 0): void {
    this.#emit(at([0x36], offset), address, value);
  }

  /** Stores the lowest byte. */
  storeU8(address: I32, value: I32, offset = 0): void {
    this.#emit(at([0x3a], offset), address, value);
  }

  storeF32(address: I32, value: F32, offset = 0): void {
    this.#emit(at([0x38], offset), address, value);
  }

  atomicStore(address: I32, value: I32): void {
    this.#emit([0xfe, 0x17, 2, 0], address, value);
  }

  /** Sets `bytes` bytes to 0. */
  zero(address: I32, bytes: I32): void {
    this.fill(address, i32(0), bytes);
  }

  /** Sets `bytes` bytes to the lowest of `value`. */
  fill(address: I32, value: I32, bytes: I32): void {
    this.#emit([0xfc, 0x0b, 0], address, value, bytes);
  }

  /** Copies bytes. */
  copy(to: I32, from: I32, bytes: I32): void {
    this.#emit([0xfc, 0x0a, 0, 0], to, from, bytes);
  }

  drop(value: Expr): void {
    this.#emit([0x1a], value);
  }

  call(callee: Func, args: readonly I32[]): void {
    this.#emit(unsigned(callee.index, [0x10]), ...args);
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#emit([0x04, VOID], condition);
    then();
    if (otherwise !== undefined) {
      this.#emit([0x05]);
      otherwise();
    }
    this.#emit([0x0b]);
  }

  /** `for (i = from; i < to; i += step) body(i)`, signed. */
  for(from: I32 | number, to: I32 | number, step: number, body: (i: Local<"i32">) => void): void {
    const i = this.local("i32", literal(from));
    const [first, last] = [literal(from).constant, literal(to).constant];
    const loop = (): void => {
      this.#emit([0x03, VOID]);
      body(i);
      this.set(i, addI(i, step));
      this.#emit([0x0d, 0], ltS(i, to));
      this.#emit([0x0b]);
    };
    if (first !== undefined && last !== undefined) {
      if (first >= last) return;
      if (first + step >= last) body(i);
      else loop();
    } else this.if(ltS(i, to), loop);
  }

  /** `do body() while (condition)`. */
  doWhile(body: () => void, condition: () => I32): void {
    this.#emit([0x03, VOID]);
    body();
    this.#emit([0x0d, 0], condition());
    this.#emit([0x0b]);
  }

  return(): void {
    this.#emit([0x0f]);
  }

  /** Appends the locals and the body, behind their length. */
  encode(to: Bytes): void {
    const runs: [ValueType, number][] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.[0] === type) last[1]++;
      else runs.push([type, 1]);
    }
    const locals = [...unsigned(runs.length), ...runs.flatMap(([type, n]) => [...unsigned(n), TYPE_CODES[type]])];
    const constants = [...this.#constants.values()].flatMap(({ local, code }) => [
      ...code,
      ...unsigned(local.index, [0x21]),
    ]);
    to.unsigned(locals.length + constants.length + this.#code.length + 1);
    to.append(locals);
    to.append(constants);
    to.concat(this.#code);
    to.push(END);
  }
}

/** What a module says of a memory that it imports. */
export interface MemoryLimits {
  /** Whether it is a memory that threads share. */
  readonly shared: boolean;
  /** The most pages that it may grow to. */
  readonly maximum: number;
}

/** A module that brings its own memory, for use without the engine (standalone.ts). */
export interface OwnMemory {
  /** Size of the memory, which is exported as `memory`. */
  readonly pages: number;
  /** What the memory holds from the start, by address. */
  readonly data: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  /** A function without parameters that runs once, at instantiation. */
  readonly start?: Func | undefined;
  /** Numbers exported as constant i32 globals. */
  readonly globals: Readonly<Record<string, number>>;
  /** Custom sections by name. */
  readonly custom: Readonly<Record<string, Uint8Array>>;
}

/** A module under construction: functions of i32 parameters without result, over one memory. */
export class ModuleBuilder {
  readonly #imports: Func[] = [];
  readonly #funcs: Func[] = [];
  readonly #exports: Func[] = [];
  readonly #constantsAtStart: boolean;

  /**
   * @param constantsAtStart whether functions make their vector constants once, at their start. V8 from 12 on makes
   *   constants anew wherever they stand, in loops, too; before, it moves them out itself, and does better without
   */
  constructor(constantsAtStart = true) {
    this.#constantsAtStart = constantsAtStart;
  }

  /** A function that the host provides, as `env.NAME`; all of them come before the first {@link func}. */
  import(name: string, paramCount: number): Func {
    if (this.#funcs.length > 0) throw new Error("assembler: imports come before functions");
    const func = new Func(name, this.#imports.length, paramCount, false);
    this.#imports.push(func);
    return func;
  }

  func(name: string, paramCount: number): Func {
    const func = new Func(name, this.#imports.length + this.#funcs.length, paramCount, this.#constantsAtStart);
    this.#funcs.push(func);
    return func;
  }

  export(func: Func): void {
    this.#exports.push(func);
  }

  /**
   * The binary.
   * @param memory what is said of a memory that is imported as `env.memory`; or what the module brings itself. Only
   *   modules of the first kind get a name section, so that profilers and stack traces show kernels by name
   */
  encode(memory: MemoryLimits | OwnMemory): Uint8Array<ArrayBuffer> {
    const own = "shared" in memory ? undefined : memory;
    const module = new Bytes();
    module.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, write: (content: Bytes) => void): void => {
      const content = new Bytes();
      write(content);
      module.push(id);
      module.unsigned(content.length);
      module.concat(content);
    };
    const list = <T>(to: Bytes, items: readonly T[], write: (item: T) => void): void => {
      to.unsigned(items.length);
      for (const item of items) write(item);
    };
    const custom = (name: string, write: (content: Bytes) => void): void =>
      section(0, (to) => {
        to.text(name);
        write(to);
      });
    const types = [...new Set([...this.#imports, ...this.#funcs].map((func) => func.params.length))];
    const typeOf = (func: Func): number => types.indexOf(func.params.length);
    for (const [name, bytes] of Object.entries(own?.custom ?? {})) custom(name, (to) => to.bytes(bytes));
    section(1, (to) =>
      list(to, types, (n) => to.append([0x60, ...unsigned(n), ...new Array(n).fill(TYPE_CODES.i32), 0])),
    );
    section(2, (to) => {
      to.unsigned((own === undefined ? 1 : 0) + this.#imports.length);
      if ("shared" in memory) {
        to.text("env");
        to.text("memory");
        to.append([2, memory.shared ? 3 : 1, ...unsigned(1), ...unsigned(memory.maximum)]);
      }
      for (const func of this.#imports) {
        to.text("env");
        to.text(func.name);
        to.append([0, ...unsigned(typeOf(func))]);
      }
    });
    section(3, (to) => list(to, this.#funcs, (func) => to.unsigned(typeOf(func))));
    const globals = Object.entries(own?.globals ?? {});
    if (own !== undefined) {
      section(5, (to) => to.append([1, 0, ...unsigned(own.pages)]));
      section(6, (to) => list(to, globals, ([, value]) => to.append([TYPE_CODES.i32, 0, 0x41, ...signed(value), END])));
    }
    section(7, (to) => {
      to.unsigned(this.#exports.length + (own === undefined ? 0 : 1 + globals.length));
      for (const func of this.#exports) {
        to.text(func.name);
        to.append([0, ...unsigned(func.index)]);
      }
      if (own === undefined) return;
      to.text("memory");
      to.append([2, 0]);
      globals.forEach(([name], g) => {
        to.text(name);
        to.append([3, ...unsigned(g)]);
      });
    });
    const { start } = own ?? {};
    if (start !== undefined) section(8, (to) => to.unsigned(start.index));
    section(10, (to) => list(to, this.#funcs, (func) => func.encode(to)));
    if (own !== undefined) {
      section(11, (to) =>
        list(to, own.data, ({ address, bytes }) => {
          to.append([0, 0x41, ...signed(address), END]);
          to.unsigned(bytes.length);
          to.bytes(bytes);
        }),
      );
      return module.slice();
    }
    const names = new Bytes();
    list(names, this.#funcs, (func) => {
      names.unsigned(func.index);
      names.text(func.name);
    });
    custom("name", (to) => {
      to.push(1);
      to.unsigned(names.length);
      to.concat(names);
    });
    return module.slice();
  }
}
