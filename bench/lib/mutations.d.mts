/** Numbers from a seed. */
export interface Random {
  /** A whole number from 0 to n − 1. */
  draw(n: number): number;
  pick<T>(list: readonly T[]): T;
  chance(share: number): boolean;
}
