// An edge's points as an SVG path that flows: each piece leaves and arrives along the way of reading.
import type { Point } from "./layout";

export type Direction = "right" | "down";

export function flowPath(points: readonly Point[], direction: Direction): string {
  const [start, ...rest] = points;
  if (start === undefined) return "";
  let from = start;
  let path = `M${at(from)}`;
  for (const to of rest) {
    path += straight(from, to, direction) ? `L${at(to)}` : `C${bend(from, to, direction)}`;
    from = to;
  }
  return path;
}

/** Where a label sits: the middle of the edge's middle piece. */
export function middleOf(points: readonly Point[]): Point {
  const piece = Math.max(0, Math.floor(points.length / 2) - 1);
  const a = points[piece] ?? { x: 0, y: 0 };
  const b = points[piece + 1] ?? a;
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
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
