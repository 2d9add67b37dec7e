/**
 * A reader for Python's pickles (protocols 2 to 5; https://docs.python.org/3/library/pickletools.html) that builds data and
 * runs nothing: a pickle is a program, and the few globals that its caller allows are all that it may name. Part of
 * reading `.pt` files, where a state dict is a pickle that refers to tensors.
 */
import { DataError } from "../engine/errors.ts";
import { decodeUtf8, quote } from "./text.ts";

/** What a pickle can hold. Python's tuples and lists are both arrays; a dict is a Map. */
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
  | PickleGlobal;

/** An object that the caller's globals made, opaque to the pickle. */
export class PickleObject {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** A global that the caller allows; `call` is what it does when the pickle calls it, null where it may only be named. */
export class PickleGlobal {
  readonly path: string;
  readonly call: ((args: readonly PickleValue[]) => PickleValue) | null;

  constructor(path: string, call: PickleGlobal["call"]) {
    this.path = path;
    this.call = call;
  }
}

/** What a pickle may reach outside itself. Both may throw a DataError. */
export interface PickleHost {
  /** The global `module.name`, given as one dotted path; undefined refuses it. */
  readonly global: (path: string) => PickleGlobal | undefined;
  /** The object behind a persistent id. */
  readonly persistent: (id: PickleValue) => PickleValue;
}

/** Where a pushed MARK stands on the stack. */
const MARK = Symbol("mark");
type Slot = PickleValue | typeof MARK;

const NEWEST_PROTOCOL = 5;

/** Opcodes by their byte, written as in Python's pickletools. */
const OPCODES: Readonly<Record<string, (machine: Machine) => void>> = {
  "\x80": (m) => {
    const protocol = m.byte();
    if (protocol > NEWEST_PROTOCOL)
      throw m.error(`uses pickle protocol ${protocol}; ${NEWEST_PROTOCOL} is the newest known`);
  },
  "\x95": (m) => void m.take(8), // FRAME: only a hint for readers of streams
  "(": (m) => m.push(MARK),
  "0": (m) => void m.pop(),
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  K: (m) => m.push(m.byte()),
  M: (m) => m.push(m.view(2).getUint16(0, true)),
  J: (m) => m.push(m.view(4).getInt32(0, true)),
  G: (m) => m.push(m.view(8).getFloat64(0, false)),
  "\x8a": (m) => m.push(toInteger(m.take(m.byte()))),
  X: (m) => m.push(m.text(m.uint32())),
  "\x8c": (m) => m.push(m.text(m.byte())),
  B: (m) => m.push(m.take(m.uint32()).slice()),
  C: (m) => m.push(m.take(m.byte()).slice()),
  ")": (m) => m.push([]),
  t: (m) => m.push(m.popToMark()),
  "\x85": (m) => m.push(m.popMany(1)),
  "\x86": (m) => m.push(m.popMany(2)),
  "\x87": (m) => m.push(m.popMany(3)),
  "]": (m) => m.push([]),
  a: (m) => {
    const item = m.pop();
    m.topList().push(item);
  },
  e: (m) => {
    const items = m.popToMark();
    const list = m.topList();
    for (const item of items) list.push(item);
  },
  "}": (m) => m.push(new Map()),
  s: (m) => setItems(m, m.popMany(2)),
  u: (m) => setItems(m, m.popToMark()),
  q: (m) => m.remember(m.byte()),
  r: (m) => m.remember(m.uint32()),
  "\x94": (m) => m.remember(m.memo.size),
  h: (m) => m.push(m.recall(m.byte())),
  j: (m) => m.push(m.recall(m.uint32())),
  c: (m) => {
    const module = m.line();
    m.push(m.global(`${module}.${m.line()}`));
  },
  "\x93": (m) => {
    const [module, name] = m.popMany(2);
    if (typeof module !== "string" || typeof name !== "string")
      throw m.error("names a global by something else than text");
    m.push(m.global(`${module}.${name}`));
  },
  R: (m) => {
    const [callee, args] = m.popMany(2);
    if (!(callee instanceof PickleGlobal) || callee.call === null || !Array.isArray(args)) {
      throw m.error(
        `calls ${callee instanceof PickleGlobal ? callee.path : "something"} that is not to be called; refused`,
      );
    }
    m.push(callee.call(args));
  },
  // BUILD sets attributes. An OrderedDict carries `_metadata` this way, which says nothing about the tensors.
  b: (m) => {
    const [target] = m.popMany(2);
    if (!(target instanceof Map)) throw m.error("sets attributes on something that is no dictionary; refused");
    m.push(target);
  },
  Q: (m) => m.push(m.host.persistent(m.pop())),
};

/**
 * Reads one pickle and returns its value; what follows its STOP must be nothing. `name` (the file's) starts every message.
 * Throws DataError where the pickle is cut short or damaged, or asks for a global that `host` refuses.
 */
export function unpickle(bytes: Uint8Array, name: string, host: PickleHost): PickleValue {
  const machine = new Machine(bytes, name, host);
  for (;;) {
    const opcode = String.fromCharCode(machine.byte());
    if (opcode === ".") return machine.finish();
    if (!Object.hasOwn(OPCODES, opcode)) throw machine.error(`uses the pickle instruction ${quote(opcode)}; refused`);
    OPCODES[opcode](machine);
  }
}

/** The pickle machine: a stack, a memo and a place in the bytes. */
class Machine {
  readonly memo = new Map<number, PickleValue>();
  readonly host: PickleHost;
  private readonly stack: Slot[] = [];
  private readonly bytes: Uint8Array;
  private readonly name: string;
  private at = 0;

  constructor(bytes: Uint8Array, name: string, host: PickleHost) {
    this.bytes = bytes;
    this.name = name;
    this.host = host;
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

  text(length: number): string {
    return decodeUtf8(this.take(length), `${this.name}: a text in its pickle`);
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.error("is cut short");
    const text = this.text(end - this.at);
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

  topList(): PickleValue[] {
    const list = this.top();
    if (!Array.isArray(list)) throw this.error("is damaged: it appends to something that is no list");
    return list;
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw this.error(`is damaged: it recalls value ${index}, which it never made`);
    return value;
  }

  global(path: string): PickleGlobal {
    const known = this.host.global(path);
    if (known !== undefined) return known;
    const advice = "save only the state dict: torch.save(model.state_dict(), file)";
    throw new DataError(
      `${this.name} asks for ${quote(path).slice(1, -1)}, which is not a tensor; refused (${advice})`,
    );
  }

  finish(): PickleValue {
    const value = this.pop();
    if (this.stack.length > 0) throw this.error("is damaged: it leaves values behind");
    if (this.at < this.bytes.length) throw this.error("goes on after its end; refused");
    return value;
  }
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const target = machine.top();
  if (!(target instanceof Map) || items.length % 2 !== 0)
    throw machine.error("is damaged: it sets items on no dictionary");
  for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
}

/** A two's complement little-endian integer of any length; a bigint only where a number would not be exact. */
function toInteger(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  value = BigInt.asIntN(8 * bytes.length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
