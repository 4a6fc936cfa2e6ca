import { describe, expect, it } from "vitest";
import { column, layerCount, layered, type Layout } from "../src/graph/layout";
import { flowPath, streamWidth } from "../src/graph/path";

const SIZE = { width: 100, height: 60 };
const GAPS = { along: 40, across: 20 };

const link = (from: string, to: string) => ({ from, to });
const at = (layout: Layout, id: string) => layout.nodes.get(id) ?? { x: Number.NaN, y: Number.NaN };

function noneOverlap(layout: Layout, ids: string[]): void {
  for (const a of ids) {
    for (const b of ids) {
      if (a >= b) continue;
      const [p, q] = [at(layout, a), at(layout, b)];
      expect(
        p.x + SIZE.width <= q.x || q.x + SIZE.width <= p.x || p.y + SIZE.height <= q.y || q.y + SIZE.height <= p.y,
        `${a} and ${b} overlap`,
      ).toBe(true);
    }
  }
}

/** Graphs of every shape that the planner makes, and some that it doesn't. */
const SHAPES: Record<string, [string[], [string, string][]]> = {
  one: [["a"], []],
  chain: [
    ["a", "b", "c"],
    [
      ["a", "b"],
      ["b", "c"],
    ],
  ],
  join: [
    ["a", "b", "j", "s"],
    [
      ["a", "j"],
      ["b", "j"],
      ["j", "s"],
    ],
  ],
  "statement set": [
    ["a", "b", "c", "d"],
    [
      ["a", "b"],
      ["a", "c"],
      ["a", "d"],
    ],
  ],
  diamond: [
    ["a", "b", "c", "d"],
    [
      ["a", "b"],
      ["a", "c"],
      ["b", "d"],
      ["c", "d"],
    ],
  ],
  "edge past a layer": [
    ["a", "b", "c"],
    [
      ["a", "b"],
      ["b", "c"],
      ["a", "c"],
    ],
  ],
  crossed: [
    ["a", "b", "c", "d", "e", "f"],
    [
      ["a", "f"],
      ["b", "e"],
      ["c", "d"],
    ],
  ],
  apart: [["a", "b"], []],
};

describe.each(Object.entries(SHAPES))("the layout of %s", (_, [ids, pairs]) => {
  const links = pairs.map(([from, to]) => link(from, to));
  const right = layered(ids, links, SIZE, GAPS);
  const down = column(ids, links, 300, () => SIZE.height, 30);

  it("leads every edge to the right", () => {
    for (const { from, to } of links) expect(at(right, from).x + SIZE.width).toBeLessThan(at(right, to).x);
  });

  it("leads every edge down in a column", () => {
    for (const { from, to } of links) expect(at(down, from).y).toBeLessThan(at(down, to).y);
  });

  it("lets no two nodes overlap and keeps all inside", () => {
    noneOverlap(right, ids);
    for (const id of ids) {
      expect(at(right, id).x + SIZE.width).toBeLessThanOrEqual(right.width);
      expect(at(right, id).y).toBeGreaterThanOrEqual(0);
      expect(at(right, id).y + SIZE.height).toBeLessThanOrEqual(right.height + 0.001);
      expect(at(down, id).y + SIZE.height).toBeLessThanOrEqual(down.height);
    }
  });

  it("joins the sides of its nodes", () => {
    for (const edge of right.edges) {
      expect(edge.points[0]).toEqual({ x: at(right, edge.from).x + SIZE.width, y: at(right, edge.from).y + SIZE.height / 2 });
      expect(edge.points.at(-1)).toEqual({ x: at(right, edge.to).x, y: at(right, edge.to).y + SIZE.height / 2 });
    }
  });
});

it("edges that need not cross don't", () => {
  const [ids, pairs] = SHAPES["crossed"] as [string[], [string, string][]];
  const layout = layered(
    ids,
    pairs.map(([from, to]) => link(from, to)),
    SIZE,
    GAPS,
  );
  for (const [a, b] of pairs)
    for (const [c, d] of pairs) expect((at(layout, a).y - at(layout, c).y) * (at(layout, b).y - at(layout, d).y)).toBeGreaterThanOrEqual(0);
});

it("an edge past a layer goes around the node there", () => {
  const layout = layered(["a", "b", "c"], [link("a", "b"), link("b", "c"), link("a", "c")], SIZE, GAPS);
  const passing = layout.edges[2]?.points ?? [];
  expect(passing).toHaveLength(4);
  const y = passing[1]?.y ?? Number.NaN;
  expect(y < at(layout, "b").y || y > at(layout, "b").y + SIZE.height).toBe(true);
});

it("edges to nodes that are not there, and a cycle, do no harm", () => {
  const layout = layered(["a", "b"], [link("a", "x"), link("a", "b"), link("b", "a"), link("a", "a")], SIZE, GAPS);
  expect(layout.edges.map((edge) => edge.index)).toEqual([1, 2]);
  expect(column(["a", "b"], [link("a", "b"), link("b", "a")], 300, () => 60, 30).nodes.size).toBe(2);
  expect(layered([], [], SIZE, GAPS)).toMatchObject({ width: 0, height: 0, edges: [] });
});

it("a column puts a vertex right under the last one that feeds it", () => {
  const layout = column(["a", "b", "c", "d"], [link("a", "b"), link("a", "c"), link("b", "d")], 300, () => 60, 30);
  expect(["a", "b", "d", "c"].map((id) => at(layout, id).y)).toEqual([0, 90, 180, 270]);
});

it("layers are counted as they are laid", () => {
  expect(layerCount(["a", "b", "c"], [link("a", "b"), link("b", "c")])).toBe(3);
  expect(layerCount([], [])).toBe(0);
});

describe("streams", () => {
  it("run straight where they can and bend along the way where not", () => {
    expect(
      flowPath(
        [
          { x: 0, y: 5 },
          { x: 40, y: 5 },
        ],
        "right",
      ),
    ).toBe("M0,5L40,5");
    expect(
      flowPath(
        [
          { x: 0, y: 0 },
          { x: 40, y: 20 },
        ],
        "right",
      ),
    ).toBe("M0,0C20,0 20,20 40,20");
    expect(
      flowPath(
        [
          { x: 0, y: 0 },
          { x: 40, y: 20 },
        ],
        "down",
      ),
    ).toBe("M0,0C0,10 40,10 40,20");
    expect(flowPath([], "right")).toBe("");
  });

  it("widen with every power of ten, up to a bound", () => {
    const widths = [null, 0, 1, 10, 1_000, 100_000, 1e12].map(streamWidth);
    expect([...widths].sort((a, b) => a - b)).toEqual(widths);
    expect(widths.at(-1)).toBe(14);
  });
});
