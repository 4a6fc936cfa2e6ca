// An edge's points as an SVG path that flows: each piece leaves and arrives along the way of reading.
import type { Point } from "./layout";

export type Direction = "right" | "down";

export function flowPath(points: readonly Point[], direction: Direction): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  if (direction === "down" && rest.length === 3) return besidePath(points);
  let from = start;
  let path = `M${at(from)}`;
  for (const to of rest) {
    path += straight(from, to, direction) ? `L${at(to)}` : `C${bend(from, to, direction)}`;
    from = to;
  }
  return path;
}

/** Out to the side, along the column, and back in. */
function besidePath(points: readonly Point[]): string {
  const [start, down, up, end] = points as [Point, Point, Point, Point];
  return `M${at(start)}Q${at({ x: down.x, y: start.y })} ${at(down)}L${at(up)}Q${at({ x: up.x, y: end.y })} ${at(end)}`;
}

/** The width of a stream in pixels: it grows with each power of ten, so that a trickle and a torrent both fit. */
export function streamWidth(rowsPerSecond: number | null): number {
  if (rowsPerSecond === null || rowsPerSecond <= 0) return 1.5;
  return Math.min(14, 2 + 2 * Math.log10(1 + rowsPerSecond));
}

function straight(from: Point, to: Point, direction: Direction): boolean {
  return direction === "right" ? from.y === to.y : from.x === to.x;
}

function bend(from: Point, to: Point, direction: Direction): string {
  const half = direction === "right" ? (to.x - from.x) / 2 : (to.y - from.y) / 2;
  const near = direction === "right" ? { x: from.x + half, y: from.y } : { x: from.x, y: from.y + half };
  const far = direction === "right" ? { x: to.x - half, y: to.y } : { x: to.x, y: to.y - half };
  return `${at(near)} ${at(far)} ${at(to)}`;
}

function at(point: Point): string {
  return `${round(point.x)},${round(point.y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
