/** The backends that every suite runs over: one entry here, and a backend takes all the tests. */
import type { Backend } from "../../src/engine/backends/backend.ts";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { toyBackend } from "../toy-backend/toy.ts";
import { wasmBackendHere as wasm } from "./wasm-backend.ts";

export interface BackendUnderTest {
  readonly name: string;
  readonly make: () => Promise<Backend>;
  /** Entries of one family must give the same bits for any number of threads. */
  readonly family: "reference" | "toy" | "wasm" | "wasm in pairs" | "wasm strict";
}

export const backends: readonly BackendUnderTest[] = [
  { name: "reference", family: "reference", make: async () => referenceBackend() },
  { name: "toy", family: "toy", make: async () => toyBackend() },
  { name: "wasm, 1 thread", family: "wasm", make: async () => wasm({ threads: 1 }) },
  { name: "wasm, 2 threads", family: "wasm", make: async () => wasm({ threads: 2 }) },
  { name: "wasm, 3 threads", family: "wasm", make: async () => wasm({ threads: 3 }) },
  {
    name: "wasm in pairs, 1 thread",
    family: "wasm in pairs",
    make: async () => wasm({ threads: 1, scheduling: "in pairs" }),
  },
  {
    name: "wasm in pairs, 2 threads",
    family: "wasm in pairs",
    make: async () => wasm({ threads: 2, scheduling: "in pairs" }),
  },
  {
    name: "wasm strict, 1 thread",
    family: "wasm strict",
    make: async () => wasm({ threads: 1, strict: true }),
  },
  {
    name: "wasm strict, 2 threads",
    family: "wasm strict",
    make: async () => wasm({ threads: 2, strict: true }),
  },
];

const named = (...names: string[]): readonly BackendUnderTest[] => backends.filter(({ name }) => names.includes(name));

/** For the thousands of single cases: no sharing of work, and sharing among a number that rarely divides it. */
export const caseBackends = named("reference", "toy", "wasm, 1 thread", "wasm, 3 threads", "wasm in pairs, 1 thread");

/** For suites that ask about the arithmetic: one of each kind. That threads change nothing is shown elsewhere. */
export const familyBackends = named(
  "reference",
  "toy",
  "wasm, 2 threads",
  "wasm in pairs, 2 threads",
  "wasm strict, 2 threads",
);
