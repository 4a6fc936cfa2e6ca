// One vertex of the graph: what it is, how it flows, how it spends its time, where its event time stands, what it left out.
import type { Sample } from "../../live/history";
import { Curve } from "../../parts/Curve";
import { ShareBar } from "../../parts/ShareBar";
import { Sign } from "../../parts/Sign";
import { StateBadge } from "../../parts/StateBadge";
import type { Vertex } from "../../rest/job";
import { jobHref } from "../../route";
import { watermark, watermarkToSecond } from "../../words/eventTime";
import { count, duration, rate, short } from "../../words/format";
import { chainOf } from "../../words/names";

/** Operators of a chain that fit a card; the last line says how many more there are. */
export const OPERATORS_SHOWN = 5;

interface Props {
  jobId: string;
  /** Whether the job runs, so that figures a second mean something. */
  flowing: boolean;
  vertex: Vertex;
  selected: boolean;
  /** How far its event time is behind, in words. */
  lag: string | null;
  samples: readonly Sample[] | undefined;
}

export function VertexCard({ jobId, flowing, vertex, selected, lag, samples }: Props) {
  const { flow, totals } = vertex;
  const left = flow.lateRecords + flow.skippedRecords;
  return (
    <a
      className={`vertex${selected ? " selected" : ""}${flow.message === null ? "" : " troubled"}`}
      href={jobHref(jobId, "subtasks", vertex.id)}
      data-vertex={vertex.id}
    >
      <span className="vertex-head">
        <StateBadge state={vertex.status} />
        <span className="parallelism" title="Parallelism: subtasks that work side by side">
          × {vertex.parallelism}
        </span>
        {flow.message !== null && (
          <span className="vertex-alert" title={flow.message}>
            <Sign name="alert" />
            <span className="unseen">{flow.message}</span>
          </span>
        )}
      </span>
      <Chain name={vertex.name} />
      <span className="vertex-flow">
        {flowing ? (
          <>
            <Figure name="in" value={rate(flow.inPerSecond)} unit="/s" />
            <Curve samples={samples} />
            <Figure name="out" value={rate(flow.outPerSecond)} unit="/s" />
          </>
        ) : (
          <>
            <Figure name="in" value={short(totals.recordsIn)} unit=" rows" />
            <Figure name="out" value={short(totals.recordsOut)} unit=" rows" />
          </>
        )}
      </span>
      {flowing ? (
        <ShareBar busy={flow.busy} backpressured={flow.backpressured} />
      ) : (
        <span className="vertex-ran">{vertex.durationMs > 0 ? `ran for ${duration(vertex.durationMs)}` : "has not run yet"}</span>
      )}
      <span className="vertex-time" title={watermark(flow.watermark)}>
        <span className="muted">watermark</span> {watermarkToSecond(flow.watermark)}
        {flowing && lag !== null && <span className="vertex-lag">{lag}</span>}
      </span>
      <span className={`vertex-left${left > 0 ? " some" : ""}`}>
        late <b>{count(flow.lateRecords)}</b> · skipped <b>{count(flow.skippedRecords)}</b>
      </span>
    </a>
  );
}

function Figure({ name, value, unit }: { name: string; value: string; unit: string }) {
  return (
    <span className="figure">
      <span className="muted">{name}</span> <b>{value}</b>
      <small>{unit}</small>
    </span>
  );
}

function Chain({ name }: { name: string }) {
  const operators = chainOf(name);
  const shown = operators.length > OPERATORS_SHOWN ? operators.slice(0, OPERATORS_SHOWN - 1) : operators;
  return (
    <span className="chain" title={name}>
      {shown.map((operator, i) => (
        <span key={`${i} ${operator}`} className={i === 0 ? "chain-head" : "chain-next"}>
          {operator}
        </span>
      ))}
      {shown.length < operators.length && <span className="chain-next">and {operators.length - shown.length} more</span>}
    </span>
  );
}
