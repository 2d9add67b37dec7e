/**
 * A reader for Python's pickles (protocols 0 to 5; https://docs.python.org/3/library/pickletools.html) that builds data and
 * runs nothing: a pickle is a program, and its caller decides what each global that it names stands for. Part of reading
 * `.pt` files, where a state dict is a pickle that refers to tensors.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { decodeUtf8, quote } from "./text.ts";

/** What a pickle can hold. Python's tuples, lists and sets are all arrays; a dict is a Map. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject
  | PickleUnknown
  | PickleGlobal;

/** An object that the caller's globals made, opaque to the pickle. */
export class PickleObject {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** An object of a class that nobody here knows. What the pickle puts into it is read and forgotten. */
export class PickleUnknown {
  /** Of its class, or of the function that made it: `argparse.Namespace`. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** A global that the pickle names; `call` is what it does when the pickle calls it, null where it may only be named. */
export class PickleGlobal {
  readonly path: string;
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | null;

  constructor(path: string, call: PickleGlobal["call"]) {
    this.path = path;
    this.call = call;
  }
}

/** What a pickle may reach outside itself. All may throw a DataError. */
export interface PickleHost {
  /** The global `module.name`, given as one dotted path. */
  readonly global: (path: string) => PickleGlobal;
  /** The object behind a persistent id. */
  readonly persistent: (id: PickleValue) => PickleValue;
  /** Called where the pickle sets attributes on an object that the caller made. */
  readonly setState: (object: PickleObject, state: PickleValue) => void;
}

/** Where a pushed MARK stands on the stack. */
const MARK = Symbol("mark");
type Slot = PickleValue | typeof MARK;

const NEWEST_PROTOCOL = 5;

/** What a value, or its place in a list or dictionary, takes in memory at most, about. */
export const ITEM_BYTES = 64;
/** … and a dictionary. Every instruction makes one of either at most. */
const DICTIONARY_BYTES = 256;

/** Opcodes by their byte, written as in Python's pickletools. */
const OPCODES: Readonly<Record<string, (machine: Machine) => void>> = {
  "\x80": (m) => {
    const protocol = m.byte();
    if (protocol > NEWEST_PROTOCOL)
      throw m.error(`uses pickle protocol ${protocol}; ${NEWEST_PROTOCOL} is the newest known`);
  },
  "\x95": (m) => void m.take(8), // FRAME: only a hint for readers of streams
  "(": (m) => m.push(MARK),
  "0": (m) => m.drop(),
  "1": (m) => void m.popToMark(),
  "2": (m) => m.push(m.top()),
  // Plain values.
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  K: (m) => m.push(m.byte()),
  M: (m) => m.push(m.view(2).getUint16(0, true)),
  J: (m) => m.push(m.view(4).getInt32(0, true)),
  I: (m) => m.push(integerLine(m)),
  L: (m) => m.push(integerLine(m)),
  "\x8a": (m) => m.push(toInteger(m.take(m.byte()))),
  "\x8b": (m) => m.push(longInteger(m)),
  G: (m) => m.push(m.view(8).getFloat64(0, false)),
  F: (m) => m.push(floatLine(m)),
  X: (m) => m.push(m.text(m.uint32())),
  "\x8c": (m) => m.push(m.text(m.byte())),
  "\x8d": (m) => m.push(m.text(m.uint64())),
  V: (m) => m.push(unescaped(m.line())),
  U: (m) => m.push(m.oldText(m.byte())),
  T: (m) => m.push(m.oldText(m.uint32())),
  S: (m) => m.push(unescaped(m.line().slice(1, -1))),
  B: (m) => m.push(m.take(m.uint32()).slice()),
  C: (m) => m.push(m.take(m.byte()).slice()),
  "\x8e": (m) => m.push(m.take(m.uint64()).slice()),
  "\x96": (m) => m.push(m.take(m.uint64()).slice()),
  // Tuples, lists, sets, dictionaries.
  ")": (m) => m.push([]),
  t: (m) => m.push(m.popToMark()),
  "\x85": (m) => m.push(m.popMany(1)),
  "\x86": (m) => m.push(m.popMany(2)),
  "\x87": (m) => m.push(m.popMany(3)),
  "]": (m) => m.push([]),
  l: (m) => m.push(m.popToMark()),
  a: (m) => append(m, m.popMany(1)),
  e: (m) => append(m, m.popToMark()),
  "\x8f": (m) => m.push([]),
  "\x90": (m) => append(m, m.popToMark()),
  "\x91": (m) => m.push(m.popToMark()),
  "}": (m) => m.push(new Map()),
  d: (m) => {
    const items = m.popToMark();
    m.push(new Map());
    setItems(m, items);
  },
  s: (m) => setItems(m, m.popMany(2)),
  u: (m) => setItems(m, m.popToMark()),
  // The memo.
  q: (m) => m.remember(m.byte()),
  r: (m) => m.remember(m.uint32()),
  p: (m) => m.remember(Number(m.line())),
  "\x94": (m) => m.remember(m.memo.size),
  h: (m) => m.push(m.recall(m.byte())),
  j: (m) => m.push(m.recall(m.uint32())),
  g: (m) => m.push(m.recall(Number(m.line()))),
  // Globals and what is made with them.
  c: (m) => {
    const module = m.line();
    m.push(m.host.global(`${module}.${m.line()}`));
  },
  "\x93": (m) => {
    const [module, name] = m.popMany(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw m.error("names a global by something else than text");
    m.push(m.host.global(`${module}.${name}`));
  },
  R: (m) => call(m, m.popMany(2)),
  "\x81": (m) => call(m, m.popMany(2)),
  "\x92": (m) => call(m, m.popMany(3)), // the third are keyword arguments, which no tensor has
  i: (m) => {
    const module = m.line();
    const callee = m.host.global(`${module}.${m.line()}`);
    call(m, [callee, m.popToMark()]);
  },
  o: (m) => {
    const [callee, ...args] = m.popToMark();
    call(m, [callee, args]);
  },
  b: build,
  Q: (m) => m.push(m.host.persistent(m.pop())),
  P: (m) => m.push(m.host.persistent(m.line())),
};

/**
 * Reads one pickle and returns its value; what follows its STOP must be nothing. `name` (the file's) starts every message.
 * Throws DataError where the pickle is cut short or damaged, or asks for a global that `host` refuses, TooLargeError where what
 * it makes goes beyond `budget`.
 */
export function unpickle(bytes: Uint8Array, name: string, host: PickleHost, budget: Budget): PickleValue {
  const { value, end } = unpickleAt(bytes, 0, name, host, budget);
  if (end < bytes.length) throw new DataError(`${name}: its pickle goes on after its end; refused`);
  return value;
}

/** As {@link unpickle}, for one of several pickles in a row: it begins at byte `at`, and the next thing at `end`. */
export function unpickleAt(
  bytes: Uint8Array,
  at: number,
  name: string,
  host: PickleHost,
  budget: Budget,
): { readonly value: PickleValue; readonly end: number } {
  const machine = new Machine(bytes, at, name, host, budget);
  for (;;) {
    budget.spend("memory", DICTIONARY_BYTES, PICKLE);
    const opcode = String.fromCharCode(machine.byte());
    if (opcode === ".") return machine.finish();
    if (!Object.hasOwn(OPCODES, opcode)) throw machine.error(`uses the pickle instruction ${quote(opcode)}; refused`);
    OPCODES[opcode](machine);
  }
}

/** In messages. */
const PICKLE = "its pickle";

/** The pickle machine: a stack, a memo and a place in the bytes. */
class Machine {
  readonly memo = new Map<number, PickleValue>();
  readonly host: PickleHost;
  private readonly stack: Slot[] = [];
  private readonly bytes: Uint8Array;
  private readonly name: string;
  private readonly budget: Budget;
  private at: number;

  constructor(bytes: Uint8Array, at: number, name: string, host: PickleHost, budget: Budget) {
    this.budget = budget;
    this.bytes = bytes;
    this.at = at;
    this.name = name;
    this.host = host;
  }

  /** For what an instruction looks at beyond its own bytes: lists that the memo gives again and again. */
  look(value: PickleValue | undefined): void {
    if (Array.isArray(value)) this.budget.spend("memory", ITEM_BYTES * value.length, PICKLE);
  }

  error(message: string): DataError {
    return new DataError(`${this.name}: its pickle ${message}`);
  }

  take(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) throw this.error("is cut short");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  view(count: number): DataView {
    const taken = this.take(count);
    return new DataView(taken.buffer, taken.byteOffset, count);
  }

  byte(): number {
    return this.take(1)[0];
  }

  uint32(): number {
    return this.view(4).getUint32(0, true);
  }

  uint64(): number {
    return Number(this.view(8).getBigUint64(0, true));
  }

  text(length: number): string {
    return decodeUtf8(this.take(length), `${this.name}: a text in its pickle`);
  }

  /** A string of Python 2, which does not say how its characters are encoded. */
  oldText(length: number): string {
    const bytes = new Uint8Array(this.take(length));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return new TextDecoder("latin1").decode(bytes);
    }
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.error("is cut short");
    const text = this.oldText(end - this.at);
    this.at++;
    return text;
  }

  push(value: Slot): void {
    this.stack.push(value);
  }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw this.error("is damaged: its stack runs empty");
    return value;
  }

  /** Takes away the topmost value, or a mark. */
  drop(): void {
    if (this.stack.pop() === undefined) throw this.error("is damaged: its stack runs empty");
  }

  /** The topmost `count` values, the deepest first. */
  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  popToMark(): PickleValue[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw this.error("is damaged: it has no mark where one is needed");
    const values = this.stack.splice(mark) as PickleValue[];
    return values.slice(1);
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw this.error(`is damaged: it recalls value ${index}, which it never made`);
    return value;
  }

  finish(): { readonly value: PickleValue; readonly end: number } {
    const value = this.pop();
    if (this.stack.length > 0) throw this.error("is damaged: it leaves values behind");
    return { value, end: this.at };
  }
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const target = machine.top();
  if (target instanceof PickleUnknown) return;
  if (!Array.isArray(target)) throw machine.error("is damaged: it appends to something that is no list");
  for (const item of items) target.push(item);
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const target = machine.top();
  if (target instanceof PickleUnknown) return;
  if (!(target instanceof Map) || items.length % 2 !== 0)
    throw machine.error("is damaged: it sets items on no dictionary");
  for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
}

/** What calling a global gives. A call of an unknown object gives another one. */
function call(machine: Machine, [callee, args]: readonly PickleValue[]): void {
  machine.look(args);
  if (callee instanceof PickleUnknown && Array.isArray(args)) {
    machine.push(callee);
    return;
  }
  if (!(callee instanceof PickleGlobal) || callee.call === null || !Array.isArray(args)) {
    throw machine.error(
      `calls ${callee instanceof PickleGlobal ? callee.path : "something"} that is not to be called; refused`,
    );
  }
  machine.push(callee.call(args));
}

/** BUILD sets attributes. An OrderedDict carries `_metadata` this way, which says nothing about the tensors. */
function build(machine: Machine): void {
  const state = machine.pop();
  machine.look(state);
  const target = machine.top();
  if (target instanceof PickleObject) machine.host.setState(target, state);
  else if (!(target instanceof Map || target instanceof PickleUnknown)) {
    throw machine.error("sets attributes on something that is no dictionary; refused");
  }
}

/** A number of protocol 0, as text; `01` and `00` are true and false. */
function integerLine(machine: Machine): number | bigint | boolean {
  const text = machine.line();
  if (text === "00" || text === "01") return text === "01";
  if (!/^-?\d{1,400}L?$/.test(text)) throw machine.error("is damaged: it has a whole number that is none");
  return exact(BigInt(text.replace("L", "")));
}

function floatLine(machine: Machine): number {
  const text = machine.line();
  const special: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN };
  return Object.hasOwn(special, text) ? special[text] : Number(text);
}

/** Text of protocol 0, in which characters are written as in Python's source. */
function unescaped(text: string): string {
  const short: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  return text.replace(/\\(?:u([\da-f]{4})|U000([\da-f]{5})|x([\da-f]{2})|(.))/gi, (_, u, wide, x, plain) => {
    if (plain !== undefined) return short[plain] ?? plain;
    const code = Number.parseInt(u ?? wide ?? x, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}

/** Longer ones would take long to read, and are no count or key of anything. */
const LONGEST_INTEGER = 1024;

function longInteger(machine: Machine): number | bigint {
  const length = machine.uint32();
  if (length > LONGEST_INTEGER) throw machine.error(`has a whole number of ${length} bytes; refused`);
  return toInteger(machine.take(length));
}

/** A two's complement little-endian integer; a bigint only where a number would not be exact. */
function toInteger(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return exact(BigInt.asIntN(8 * bytes.length, value));
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
