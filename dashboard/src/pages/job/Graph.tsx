// The job as a river: vertices from left to right (top to bottom on a narrow page), joined by streams as wide as what flows.
import { useMemo, useState } from "react";
import { column, layerCount, layered, type Layout } from "../../graph/layout";
import type { Direction } from "../../graph/path";
import type { Histories } from "../../live/history";
import { Empty } from "../../parts/Empty";
import type { Job, Vertex } from "../../rest/job";
import { lagInWords, sourceWatermark } from "../../words/eventTime";
import { chainOf } from "../../words/names";
import { GraphEdges } from "./GraphEdges";
import { OPERATORS_SHOWN, VertexCard } from "./VertexCard";
import { useWidth } from "./useWidth";

const NARROW = 640;
const CARD_WIDTH_MIN = 200;
const CARD_WIDTH_MAX = 320;
const GAP_RIGHT_MIN = 84;
const GAP_RIGHT_MAX = 200;
const GAP_ACROSS = 24;
const GAP_DOWN = 52;
/** What a card holds besides its operators' lines. */
const CARD_REST = 168;
const OPERATOR_LINE = 19;
/** Below this width, the words under the bar take a second line. */
const CARD_WIDTH_ROOMY = 250;
const SECOND_LINE = 18;

export function Graph({ job, selected, histories }: { job: Job; selected: string | null; histories: Histories }) {
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const width = useWidth(frame);
  const placed = useMemo(() => (width === null ? null : place(job, width)), [job, width]);
  const sources = sourceWatermark(job);
  const fed = new Set(job.edges.map((edge) => edge.to));
  if (job.vertices.length === 0) {
    return <Empty title="No vertices yet.">The job's graph appears here once it is planned.</Empty>;
  }
  return (
    <div className="graph" ref={setFrame} tabIndex={0} role="region" aria-label="Job graph">
      {placed !== null && (
        <div className="graph-plane" style={{ width: placed.layout.width, height: placed.layout.height }}>
          <GraphEdges job={job} layout={placed.layout} direction={placed.direction} />
          <ol className="graph-nodes">
            {job.vertices.map((vertex) => {
              const at = placed.layout.nodes.get(vertex.id) ?? { x: 0, y: 0 };
              return (
                <li
                  key={vertex.id}
                  style={{
                    left: at.x,
                    top: at.y,
                    width: Math.min(placed.cardWidth, placed.layout.width - at.x),
                    height: placed.heightOf(vertex),
                  }}
                >
                  <VertexCard
                    jobId={job.id}
                    flowing={job.state === "RUNNING"}
                    vertex={vertex}
                    selected={vertex.id === selected}
                    lag={lagInWords({ own: vertex.flow.watermark, sources, isSource: !fed.has(vertex.id), now: job.now })}
                    samples={histories.get(vertex.id)}
                  />
                </li>
              );
            })}
          </ol>
        </div>
      )}
    </div>
  );
}

interface Placed {
  layout: Layout;
  direction: Direction;
  cardWidth: number;
  heightOf: (vertex: Vertex) => number;
}

/** Side by side, cards are equally high, so that their figures stand in one line; in a column each takes what it needs. */
function place(job: Job, frameWidth: number): Placed {
  const ids = job.vertices.map((vertex) => vertex.id);
  const ownHeight = (vertex: Vertex) => CARD_REST + OPERATOR_LINE * Math.min(OPERATORS_SHOWN, chainOf(vertex.name).length);
  if (frameWidth < NARROW) {
    const heights = new Map(job.vertices.map((vertex) => [vertex.id, ownHeight(vertex)]));
    const layout = column(ids, job.edges, frameWidth, (id) => heights.get(id) ?? CARD_REST, GAP_DOWN);
    return { layout, direction: "down", cardWidth: frameWidth, heightOf: ownHeight };
  }
  const layers = layerCount(ids, job.edges);
  const room = (frameWidth - (layers - 1) * GAP_RIGHT_MIN) / Math.max(1, layers);
  const cardWidth = Math.floor(Math.min(CARD_WIDTH_MAX, Math.max(CARD_WIDTH_MIN, room)));
  const height = Math.max(CARD_REST, ...job.vertices.map(ownHeight)) + (cardWidth < CARD_WIDTH_ROOMY ? SECOND_LINE : 0);
  const left = layers < 2 ? 0 : (frameWidth - layers * cardWidth) / (layers - 1);
  const along = Math.floor(Math.min(GAP_RIGHT_MAX, Math.max(GAP_RIGHT_MIN, left)));
  const layout = layered(ids, job.edges, { width: cardWidth, height }, { along, across: GAP_ACROSS });
  return { layout, direction: "right", cardWidth, heightOf: () => height };
}
