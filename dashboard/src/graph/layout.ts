// Where the vertices of a job graph stand: in layers from the sources on, few crossings, edges around what lies between.
//
// After Sugiyama, Tagawa, Toda: "Methods for visual understanding of hierarchical system structures" (1981): longest-path layers,
// placeholders where an edge passes a layer, barycentre sweeps. Knows sizes and ids only; nothing of what is drawn there.

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Link {
  from: string;
  to: string;
}

export interface PlacedEdge extends Link {
  /** Index in the edges that were given. */
  index: number;
  /** From the right side of `from` to the left side of `to`, by way of the layers between. */
  points: Point[];
  /** The middle of the edge's label. */
  label: Point;
}

export interface Layout {
  width: number;
  height: number;
  /** The top left corner of each node. */
  nodes: Map<string, Point>;
  edges: PlacedEdge[];
}

export interface Gaps {
  /** Between layers. */
  along: number;
  /** Between nodes of one layer. */
  across: number;
}

interface Cell {
  key: string;
  layer: number;
  /** Its place in the layer, top to bottom. */
  order: number;
  height: number;
  y: number;
}

const SWEEPS = 6;
/** The height that an edge takes where it passes a layer. */
const LANE_HEIGHT = 24;
/** In a column: how far apart edges run beside it, how round they turn, and the room of a label. */
const LANE_WIDTH = 9;
const CORNER = 16;
const LABEL_WIDTH = 92;

/** Left to right: every edge of an acyclic graph leads to a layer further right. Edges to unknown nodes are left out. */
export function layered(ids: readonly string[], links: readonly Link[], size: Size, gaps: Gaps): Layout {
  const real = realLinks(ids, links);
  const layerOf = longestPathLayers(ids, real);
  const { layers, routes } = withPlaceholders(ids, real, layerOf, size.height);
  reduceCrossings(layers, routes);
  const height = stack(layers, routes, gaps.across);

  const left = (layer: number) => layer * (size.width + gaps.along);
  const cells = new Map(layers.flat().map((cell) => [cell.key, cell]));
  const at = (key: string): Cell => cells.get(key) ?? { key, layer: 0, order: 0, height: size.height, y: 0 };
  const edges = routes.map(({ index, from, to, keys }): PlacedEdge => {
    const passed = keys.slice(1, -1).flatMap((key) => {
      const cell = at(key);
      const y = cell.y + cell.height / 2;
      return [
        { x: left(cell.layer), y },
        { x: left(cell.layer) + size.width, y },
      ];
    });
    const start = { x: left(at(from).layer) + size.width, y: at(from).y + size.height / 2 };
    const end = { x: left(at(to).layer), y: at(to).y + size.height / 2 };
    const points = [start, ...passed, end];
    return { index, from, to, points, label: middleOf(points) };
  });

  const nodes = new Map(ids.map((id) => [id, { x: left(at(id).layer), y: at(id).y }]));
  const width = layers.length === 0 ? 0 : left(layers.length - 1) + size.width;
  return { width, height, nodes, edges };
}

/** How many layers `layered` will make. */
export function layerCount(ids: readonly string[], links: readonly Link[]): number {
  const layers = longestPathLayers(ids, realLinks(ids, links));
  return Math.max(0, ...[...layers.values()].map((layer) => layer + 1));
}

/** One below the other, for narrow pages: sources first, an edge that skips a row runs along the left side. */
export function column(
  ids: readonly string[],
  links: readonly Link[],
  width: number,
  heightOf: (id: string) => number,
  gap: number,
): Layout {
  const real = realLinks(ids, links);
  const rows = streamOrder(ids, real);
  const rowOf = new Map(rows.map((id, row) => [id, row]));
  const tops = new Map<string, number>();
  let height = 0;
  for (const id of rows) {
    tops.set(id, height);
    height += heightOf(id) + gap;
  }
  const top = (id: string) => tops.get(id) ?? 0;
  const skipping = real.filter((link) => (rowOf.get(link.to) ?? 0) !== (rowOf.get(link.from) ?? 0) + 1);
  const gutter = skipping.length === 0 ? 0 : 12 + LANE_WIDTH * skipping.length;
  const labelled = new Map<string, number>();

  const edges = real.map((link): PlacedEdge => {
    const lane = skipping.indexOf(link);
    const middle = gutter + (width - gutter) / 2;
    const bottom = top(link.from) + heightOf(link.from);
    if (lane < 0) {
      const points = [
        { x: middle, y: bottom },
        { x: middle, y: top(link.to) },
      ];
      return { ...link, points, label: middleOf(points) };
    }
    const x = 4 + LANE_WIDTH * lane;
    const leave = bottom - 24 - 6 * (skipping.length - lane);
    const arrive = top(link.to) + 36 + 6 * lane;
    const points = [
      { x: gutter, y: leave },
      { x, y: leave + CORNER },
      { x, y: arrive - CORNER },
      { x: gutter, y: arrive },
    ];
    const place = labelled.get(link.to) ?? 0;
    labelled.set(link.to, place + 1);
    return { ...link, points, label: { x: gutter + LABEL_WIDTH * (place + 0.5), y: top(link.to) - gap / 2 } };
  });

  return { width, height: Math.max(0, height - gap), nodes: new Map(ids.map((id) => [id, { x: gutter, y: top(id) }])), edges };
}

/** Every node after all that flow into it, and right after the last of them where that can be. */
function streamOrder(ids: readonly string[], links: readonly Link[]): string[] {
  const waitsFor = new Map(ids.map((id) => [id, links.filter((link) => link.to === id).length]));
  const ready = ids.filter((id) => waitsFor.get(id) === 0).reverse();
  const order: string[] = [];
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    order.push(id);
    for (const { from, to } of [...links].reverse()) {
      if (from !== id) continue;
      const left = (waitsFor.get(to) ?? 0) - 1;
      waitsFor.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  // A cycle, which no job has, waits for itself; its nodes still get their place.
  return [...order, ...ids.filter((id) => !order.includes(id))];
}

/** The edges between two different nodes that are there, with their index in what was given. */
function realLinks(ids: readonly string[], links: readonly Link[]): (Link & { index: number })[] {
  const known = new Set(ids);
  return links
    .map(({ from, to }, index) => ({ from, to, index }))
    .filter(({ from, to }) => known.has(from) && known.has(to) && from !== to);
}

/** The middle of the edge's middle piece. */
function middleOf(points: readonly Point[]): Point {
  const piece = Math.max(0, Math.floor(points.length / 2) - 1);
  const a = points[piece] ?? { x: 0, y: 0 };
  const b = points[piece + 1] ?? a;
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** The longest way from any source; a cycle, which no job has, ends the walk instead of running on. */
function longestPathLayers(ids: readonly string[], links: readonly Link[]): Map<string, number> {
  const layerOf = new Map(ids.map((id) => [id, 0]));
  for (let round = 0; round < ids.length; round += 1) {
    let moved = false;
    for (const { from, to } of links) {
      const least = (layerOf.get(from) ?? 0) + 1;
      if ((layerOf.get(to) ?? 0) < least && least < ids.length) {
        layerOf.set(to, least);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layerOf;
}

interface Route extends Link {
  index: number;
  /** The cells that the edge goes through, both ends included. */
  keys: string[];
}

function withPlaceholders(ids: readonly string[], links: (Link & { index: number })[], layerOf: Map<string, number>, height: number) {
  const layers: Cell[][] = [];
  const put = (key: string, layer: number, cellHeight: number) => {
    while (layers.length <= layer) layers.push([]);
    const column = layers[layer];
    column?.push({ key, layer, order: column.length, height: cellHeight, y: 0 });
  };
  for (const id of ids) put(id, layerOf.get(id) ?? 0, height);
  const routes = links.map((link): Route => {
    const keys = [link.from];
    for (let layer = (layerOf.get(link.from) ?? 0) + 1; layer < (layerOf.get(link.to) ?? 0); layer += 1) {
      const key = `${link.index}:${layer}`;
      put(key, layer, LANE_HEIGHT);
      keys.push(key);
    }
    return { ...link, keys: [...keys, link.to] };
  });
  return { layers, routes };
}

/** What lies left and right of each cell. */
function neighbours(routes: Route[]) {
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const { keys } of routes) {
    keys.slice(1).forEach((key, i) => {
      const previous = keys[i] as string;
      before.set(key, [...(before.get(key) ?? []), previous]);
      after.set(previous, [...(after.get(previous) ?? []), key]);
    });
  }
  return { before, after };
}

function reduceCrossings(layers: Cell[][], routes: Route[]): void {
  const { before, after } = neighbours(routes);
  const cells = new Map(layers.flat().map((cell) => [cell.key, cell]));
  const mean = (keys: string[] | undefined, fallback: number) => {
    if (keys === undefined || keys.length === 0) return fallback;
    return keys.reduce((sum, key) => sum + (cells.get(key)?.order ?? 0), 0) / keys.length;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    const sides = forward ? before : after;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const wanted = new Map(layer.map((cell) => [cell.key, mean(sides.get(cell.key), cell.order)]));
      layer.sort((a, b) => (wanted.get(a.key) ?? 0) - (wanted.get(b.key) ?? 0));
      layer.forEach((cell, order) => {
        cell.order = order;
      });
    }
  }
}

/** Gives each cell its height on the page: layers centred on each other, then pulled towards what they are joined to. */
function stack(layers: Cell[][], routes: Route[], gap: number): number {
  const heights = layers.map((layer) => layer.reduce((sum, cell) => sum + cell.height + gap, -gap));
  const total = Math.max(0, ...heights);
  layers.forEach((layer, i) => {
    let y = (total - (heights[i] ?? 0)) / 2;
    for (const cell of layer) {
      cell.y = y;
      y += cell.height + gap;
    }
  });
  const { before, after } = neighbours(routes);
  const cells = new Map(layers.flat().map((cell) => [cell.key, cell]));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of layers) pull(layer, cells, sweep % 2 === 0 ? before : after, gap, total);
  }
  return total;
}

/** Moves each cell as far towards the mean of its neighbours as its layer has room. */
function pull(layer: Cell[], cells: Map<string, Cell>, sides: Map<string, string[]>, gap: number, total: number): void {
  layer.forEach((cell, i) => {
    const joined = (sides.get(cell.key) ?? []).flatMap((key) => cells.get(key) ?? []);
    if (joined.length === 0) return;
    const wanted = joined.reduce((sum, other) => sum + other.y + other.height / 2, 0) / joined.length - cell.height / 2;
    const above = layer[i - 1];
    const below = layer[i + 1];
    const least = above === undefined ? 0 : above.y + above.height + gap;
    const most = (below === undefined ? total : below.y - gap) - cell.height;
    cell.y = Math.min(Math.max(wanted, least), Math.max(most, least));
  });
}
