/**
 * Gauss-Jordan elimination over GF(256) of a small system whose right-hand sides are kept elsewhere: beside each row
 * stands which combination of the given equations it is. So the long right-hand sides are touched only for what was
 * solved, and not at all where nothing is.
 */
import { MAX_FLOW_EQUATIONS, MAX_UNKNOWNS } from './constants.js';
import { gfInverse, gfMultiply } from './gf256.js';

/** Bytes of one row: coefficients of the unknowns, then the combination. */
const STRIDE = MAX_UNKNOWNS + MAX_FLOW_EQUATIONS;

export class Elimination {
  rows = 0;
  unknowns = 0;
  /** Products computed so far. */
  steps = 0;
  private readonly matrix = new Uint8Array(MAX_FLOW_EQUATIONS * STRIDE);
  /** Row that gives unknown n alone, or -1. */
  private readonly solvedBy = new Int32Array(MAX_UNKNOWNS);

  /** Starts a system of `rows` equations over `unknowns`, both within the limits. */
  begin(rows: number, unknowns: number): void {
    this.rows = rows;
    this.unknowns = unknowns;
    this.matrix.fill(0, 0, rows * STRIDE);
    for (let row = 0; row < rows; row++) this.matrix[row * STRIDE + MAX_UNKNOWNS + row] = 1;
  }

  set(row: number, unknown: number, coefficient: number): void {
    this.matrix[row * STRIDE + unknown] = coefficient;
  }

  /** Brings the system into reduced row echelon form; answers how many unknowns it determines. */
  solve(): number {
    const { rows, unknowns, matrix, solvedBy } = this;
    solvedBy.fill(-1, 0, unknowns);
    let rank = 0;
    for (let unknown = 0; unknown < unknowns && rank < rows; unknown++) {
      let pivot = rank;
      while (pivot < rows && matrix[pivot * STRIDE + unknown] === 0) pivot++;
      if (pivot === rows) continue;
      this.swap(pivot, rank);
      this.scale(rank, unknown, gfInverse(matrix[rank * STRIDE + unknown]));
      for (let row = 0; row < rows; row++) if (row !== rank) this.subtract(row, rank, unknown);
      solvedBy[unknown] = rank++;
    }
    return this.keepDetermined();
  }

  /** Whether {@link solve} determined the unknown. */
  isSolved(unknown: number): boolean {
    return this.solvedBy[unknown] >= 0;
  }

  /** Factor of equation `row` in the combination that gives the solved unknown. */
  factor(unknown: number, row: number): number {
    return this.matrix[this.solvedBy[unknown] * STRIDE + MAX_UNKNOWNS + row];
  }

  /** A pivot row gives its unknown alone only if it is free of those that have no pivot. */
  private keepDetermined(): number {
    const { unknowns, matrix, solvedBy } = this;
    let solved = 0;
    for (let unknown = 0; unknown < unknowns; unknown++) {
      const row = solvedBy[unknown];
      if (row < 0) continue;
      for (let other = unknown + 1; other < unknowns; other++) {
        if (matrix[row * STRIDE + other] !== 0) solvedBy[unknown] = -1;
      }
      if (solvedBy[unknown] >= 0) solved++;
    }
    return solved;
  }

  private swap(a: number, b: number): void {
    if (a === b) return;
    const { matrix } = this;
    for (let i = 0; i < STRIDE; i++) {
      const kept = matrix[a * STRIDE + i];
      matrix[a * STRIDE + i] = matrix[b * STRIDE + i];
      matrix[b * STRIDE + i] = kept;
    }
  }

  /** Multiplies a row; what lies before its pivot is 0. */
  private scale(row: number, pivot: number, factor: number): void {
    const { matrix, unknowns, rows } = this;
    const from = row * STRIDE;
    for (let i = from + pivot; i < from + unknowns; i++) matrix[i] = gfMultiply(factor, matrix[i]);
    for (let i = from + MAX_UNKNOWNS; i < from + MAX_UNKNOWNS + rows; i++) matrix[i] = gfMultiply(factor, matrix[i]);
    this.steps += unknowns + rows;
  }

  /** Clears the column of the pivot in `row`, by adding a multiple of the row `source` that has it. */
  private subtract(row: number, source: number, pivot: number): void {
    const { matrix, unknowns, rows } = this;
    const to = row * STRIDE;
    const factor = matrix[to + pivot];
    if (factor === 0) return;
    const from = source * STRIDE;
    for (let i = pivot; i < unknowns; i++) matrix[to + i] ^= gfMultiply(factor, matrix[from + i]);
    for (let i = MAX_UNKNOWNS; i < MAX_UNKNOWNS + rows; i++) matrix[to + i] ^= gfMultiply(factor, matrix[from + i]);
    this.steps += unknowns + rows;
  }
}
