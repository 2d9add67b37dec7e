/**
 * Where each pixel of a moved picture comes from: a projective map, and on top of it a field of displacements. All
 * augmentations that move a picture are multiplied into one map first, so that the picture is sampled, and blurred by
 * that, only once. Coordinates are pixels from the centre of the picture, x to the right and y downwards.
 */
import { PARAMETERS } from "./kernels.ts";
import type { Field, Workspace } from "./workspace.ts";

export class PictureMap {
  readonly #workspace: Workspace;
  /** Row by row; takes a position in the moved picture to one in the original. */
  readonly #matrix = new Float64Array(9);
  readonly #product = new Float64Array(9);
  #isProjective = false;
  /** Addresses from which displacements are read; 0: there are none. */
  #fieldX = 0;
  #fieldY = 0;
  #strength = 0;
  #isIdentity = true;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.reset();
  }

  /** Back to the map that leaves every pixel where it is. */
  reset(): void {
    for (let i = 0; i < 9; i++) this.#matrix[i] = i % 4 === 0 ? 1 : 0;
    this.#isProjective = false;
    this.#fieldX = 0;
    this.#isIdentity = true;
  }

  /** Moves the picture on, by a map that is given backwards: x = a·x′ + b·y′ + c, y = d·x′ + e·y′ + f. */
  affine(a: number, b: number, c: number, d: number, e: number, f: number): void {
    this.#multiply(a, b, c, d, e, f, 0, 0, 1);
  }

  /** As {@link affine}, with both divided by g·x′ + h·y′ + i; `m` is row by row. */
  projective(m: readonly number[]): void {
    this.#multiply(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]);
    this.#isProjective = true;
  }

  /** Adds `strength` times two fields, each read from a place on its torus on, to the positions in the original. */
  displace([x, y]: readonly [Field, Field], placeX: number, placeY: number, strength: number): void {
    this.#fieldX = addressIn(x, placeX);
    this.#fieldY = addressIn(y, placeY);
    this.#strength = strength;
    this.#isIdentity = false;
  }

  /** Writes picture `index` of `raw`, moved, to `out`; values between pixels are interpolated linearly. */
  apply(index: number): void {
    const { raw, out, size, parameters } = this.#workspace;
    const at = index * size;
    if (this.#isIdentity) {
      for (let i = at; i < at + size; i++) out[i] = raw[i];
      return;
    }
    // Loops: for nine numbers, a call of set() or fill() takes longer than all else in here.
    for (let i = 0; i < 9; i++) parameters[PARAMETERS.matrix + i] = this.#matrix[i];
    parameters[PARAMETERS.strength] = this.#strength;
    this.#workspace.change(raw, at, at, this.#sample);
  }

  readonly #sample = (plane: number, out: number): void => {
    const { kernels, parameters } = this.#workspace;
    const { byteOffset } = parameters;
    if (this.#fieldX !== 0) {
      const kernel = this.#isProjective ? kernels.projectiveField : kernels.affineField;
      kernel(byteOffset, plane, out, this.#fieldX, this.#fieldY);
    } else {
      const kernel = this.#isProjective ? kernels.projective : kernels.affine;
      kernel(byteOffset, plane, out);
    }
  };

  #multiply(a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number): void {
    const m = this.#matrix;
    const product = this.#product;
    for (let row = 0; row < 9; row += 3) {
      const x = m[row];
      const y = m[row + 1];
      const w = m[row + 2];
      product[row] = x * a + y * d + w * g;
      product[row + 1] = x * b + y * e + w * h;
      product[row + 2] = x * c + y * f + w * i;
    }
    for (let k = 0; k < 9; k++) m[k] = product[k];
    this.#isIdentity = false;
  }
}

/** Of place 0 … side², on the torus. */
function addressIn({ side, stride, address }: Field, place: number): number {
  return address + 4 * (Math.floor(place / side) * stride + (place % side));
}
