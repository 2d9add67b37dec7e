/** The backends that every suite runs over: one entry here, and a backend takes all the tests. */
import type { Backend } from "../../src/engine/backends/backend.ts";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";

export interface BackendUnderTest {
  readonly name: string;
  readonly make: () => Promise<Backend>;
  /** Entries of one family must give the same bits for any number of threads. */
  readonly family: "reference" | "wasm" | "wasm strict";
}

export const backends: readonly BackendUnderTest[] = [
  { name: "reference", family: "reference", make: async () => referenceBackend() },
];
