// The streams between vertices: width by rows per second, with the way rows are shipped and how many.
import type { Layout } from "../../graph/layout";
import { type Direction, flowPath, streamWidth } from "../../graph/path";
import type { Job } from "../../rest/job";
import { rate } from "../../words/format";

/** Beside a column, streams run close to each other. */
const BESIDE_WIDTH_MAX = 5;

export function GraphEdges({ job, layout, direction }: { job: Job; layout: Layout; direction: Direction }) {
  const rateOf = new Map(job.vertices.map((vertex) => [vertex.id, vertex.flow.outPerSecond]));
  const running = job.state === "RUNNING";
  return (
    <>
      <svg className="graph-edges" width={layout.width} height={layout.height} aria-hidden="true">
        {layout.edges.map((edge) => {
          const flowing = running ? (rateOf.get(edge.from) ?? null) : null;
          const path = flowPath(edge.points, direction);
          const width = Math.min(
            streamWidth(flowing),
            direction === "down" && edge.points.length > 2 ? BESIDE_WIDTH_MAX : Number.POSITIVE_INFINITY,
          );
          return (
            <g key={edge.index} className={flowing !== null && flowing > 0 ? "stream flowing" : "stream"}>
              <path className="bed" d={path} strokeWidth={width} />
              {flowing !== null && flowing > 0 && <path className="current" d={path} strokeWidth={Math.max(1, width / 3)} />}
            </g>
          );
        })}
      </svg>
      {layout.edges.map((edge) => {
        const flowing = running ? (rateOf.get(edge.from) ?? null) : null;
        return (
          <span key={edge.index} className="ship" style={{ left: edge.label.x, top: edge.label.y }}>
            <b>{(job.edges[edge.index]?.ship ?? "").toLowerCase()}</b>
            {flowing !== null && <span>{rate(flowing)}/s</span>}
          </span>
        );
      })}
    </>
  );
}
