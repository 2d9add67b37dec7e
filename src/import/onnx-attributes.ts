/** Attributes of an ONNX node as its rule asks for them: by name, with the default of the operator's description. */
import { DataError } from "../engine/errors.ts";
import type { OnnxAttribute, OnnxNode } from "../formats/onnx.ts";
import type { StoredTensor } from "../formats/tensor-data.ts";

export class OnnxAttributes {
  readonly #attributes: OnnxNode["attributes"];

  constructor(attributes: OnnxNode["attributes"]) {
    this.#attributes = attributes;
  }

  has(name: string): boolean {
    return this.#attributes[name] !== undefined;
  }

  int(name: string, otherwise: number): number {
    return (this.#get(name, "int") as number | undefined) ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return (this.#get(name, "float") as number | undefined) ?? otherwise;
  }

  text(name: string, otherwise: string): string {
    return (this.#get(name, "string") as string | undefined) ?? otherwise;
  }

  ints<T>(name: string, otherwise: T): readonly number[] | T {
    return (this.#get(name, "ints") as readonly number[] | undefined) ?? otherwise;
  }

  floats(name: string): readonly number[] | undefined {
    return this.#get(name, "floats") as readonly number[] | undefined;
  }

  texts(name: string): readonly string[] | undefined {
    return this.#get(name, "strings") as readonly string[] | undefined;
  }

  tensor(name: string): StoredTensor | undefined {
    return this.#get(name, "tensor") as StoredTensor | undefined;
  }

  /** A pair of whole numbers from 1 on, one for each axis of a picture. */
  pair(name: string, otherwise: readonly [number, number]): readonly [number, number] {
    const values = this.ints(name, otherwise);
    if (values.length !== 2 || !values.every((value) => Number.isInteger(value) && value >= 1 && value < 65536)) {
      throw new DataError(`its ${name} is [${values.slice(0, 8).join(", ")}]; only pictures (two axes) are supported`);
    }
    return [values[0], values[1]];
  }

  /** Whole numbers from 1 on, one for each of `count` axes. @param otherwise for each axis; without it they must be there */
  perAxis(name: string, count: number, otherwise?: number): readonly number[] {
    const values = this.ints(name, otherwise === undefined ? [] : new Array<number>(count).fill(otherwise));
    if (values.length !== count || !values.every((value) => Number.isInteger(value) && value >= 1 && value < 65536)) {
      throw new DataError(`its ${name} is [${values.slice(0, 8).join(", ")}]; ${count} axes need as many sizes`);
    }
    return values;
  }

  #get(name: string, kind: OnnxAttribute["kind"]): OnnxAttribute["value"] | undefined {
    const found = this.#attributes[name];
    if (found !== undefined && found.kind !== kind) throw new DataError(`its attribute ${name} is no ${kind}`);
    return found?.value;
  }
}
