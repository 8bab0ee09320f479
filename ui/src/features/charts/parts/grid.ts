/** Pixels of the grid of panels; `Board.module.css` has them too. */
export const LEAST_COLUMN_PIXELS = 340;
export const ROW_PIXELS = 240;
export const GAP_PIXELS = 12;
