import { contours } from "d3-contour";

/** A point with a height. From 0 to 1 across and upwards. */
export interface Height {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Lines of one height, as closed rings. From 0 to 1 across and upwards. */
export interface Level {
  readonly z: number;
  readonly rings: readonly (readonly (readonly [number, number])[])[];
}

const COLUMNS = 80;
const ROWS = 56;
/** Shepard's method: https://en.wikipedia.org/wiki/Inverse_distance_weighting. Above 2, near points count for most. */
const POWER = 3;
const SAME_PLACE = 1e-9;

/** Heights on a grid between points, row by row from below. */
export function interpolated(points: readonly Height[]): Float64Array {
  const grid = new Float64Array(COLUMNS * ROWS);
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      grid[row * COLUMNS + column] = heightAt(points, column / (COLUMNS - 1), row / (ROWS - 1));
    }
  }
  return grid;
}

function heightAt(points: readonly Height[], x: number, y: number): number {
  let sum = 0;
  let weights = 0;
  for (const point of points) {
    const squared = (point.x - x) ** 2 + (point.y - y) ** 2;
    const weight = 1 / Math.max(SAME_PLACE, squared) ** (POWER / 2);
    sum += weight * point.z;
    weights += weight;
  }
  return weights === 0 ? 0 : sum / weights;
}

/** The levels of heights between points, from the lowest: each covers all that is higher. */
export function levelsOf(points: readonly Height[], thresholds: readonly number[]): Level[] {
  const grid = interpolated(points);
  return contours()
    .size([COLUMNS, ROWS])
    .thresholds([...thresholds])([...grid])
    .map((level) => ({
      z: level.value,
      rings: level.coordinates.flatMap((polygon) =>
        polygon.map((ring) =>
          // Values stand in the middle of cells.
          ring.map(([x = 0, y = 0]) => [(x - 0.5) / (COLUMNS - 1), (y - 0.5) / (ROWS - 1)] as const),
        ),
      ),
    }));
}
