/**
 * Admission: what requests cost together, known before it is spent. A body is taken from one ledger before it is read, by the
 * length that its header says; what it unpacks to (pixels of a picture, values of JSON) from another before it is unpacked.
 * Who works on a body never waits for room for bodies, so somebody always gets on.
 */
import { Ledger } from "./ledger.ts";

/** Bytes that requests under way may take together, unless others are given: 384 MiB. */
export const MAX_MEMORY = 384 * 2 ** 20;

/** Share of the memory for bodies as they came. */
const BODIES = 1 / 3;
/** Share of that which large bodies leave to small ones. */
const RESERVE = 1 / 4;
/** A request that is refused is told after this share of the time that it may take. */
const PATIENCE = 2 / 3;

export interface Admission {
  /** Bodies as they came. */
  readonly bodies: Ledger;
  /** What bodies unpack to. */
  readonly work: Ledger;
}

/** @param maxMemory bytes  @param timeout of requests, milliseconds */
export function createAdmission(maxMemory: number, timeout: number): Admission {
  const patience = timeout * PATIENCE;
  const bodies = Math.floor(maxMemory * BODIES);
  return { bodies: new Ledger(bodies, patience, RESERVE), work: new Ledger(maxMemory - bodies, patience) };
}
