/** What the caller writes down about each picture of a batch, and the kernels read: how it moves, and how its strokes change. */

/**
 * Words of a record: the map's matrix row by row, from the moved picture to the original (float32), the strength of the
 * displacements (float32), which way the picture is sampled, the addresses of the fields; of an affine map also the first two
 * rows of its inverse (float32), and how many pixels around the ink of the original may show it (float32); then for each
 * stroke by how many 256ths of a pixel it moves the edges.
 */
export const RECORD = {
  matrix: 0,
  strength: 9,
  way: 10,
  fieldX: 11,
  fieldY: 12,
  inverse: 13,
  reach: 19,
  strokes: 20,
} as const;

/** How a picture is sampled. */
export const WAYS = { copy: 0, affine: 1, affineField: 2, projective: 3, projectiveField: 4 } as const;

/** Words of a record with so many strokes. */
export const recordWords = (strokes: number): number => Math.ceil((RECORD.strokes + strokes) / 4) * 4;
