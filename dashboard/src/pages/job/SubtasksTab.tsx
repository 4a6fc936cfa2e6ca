// The subtasks of one vertex: where each runs and how it flows, so that a slow or skewed one stands out.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { ShareBar } from "../../parts/ShareBar";
import { StateBadge } from "../../parts/StateBadge";
import { Cell, type Column, Row, RowName, Table } from "../../parts/Table";
import type { Job, Vertex } from "../../rest/job";
import { readSubtasks, type Subtask } from "../../rest/subtasks";
import { jobHref, taskManagerHref } from "../../route";
import { watermark } from "../../words/eventTime";
import { bytes, count, duration, NOTHING, rate } from "../../words/format";
import { headOf } from "../../words/names";

const COLUMNS: Column[] = [
  { label: "Subtask" },
  { label: "State" },
  { label: "In / s", end: true },
  { label: "Out / s", end: true },
  { label: "Rows in", end: true },
  { label: "Rows out", end: true },
  { label: "Busy share" },
  { label: "Watermark" },
  { label: "Late · skipped", end: true },
  { label: "TaskManager" },
  { label: "Duration", end: true },
];

export function SubtasksTab({ job, vertexId }: { job: Job; vertexId: string | null }) {
  const vertex = job.vertices.find((candidate) => candidate.id === vertexId) ?? null;
  const path = vertex === null ? null : `jobs/${encodeURIComponent(job.id)}/vertices/${encodeURIComponent(vertex.id)}`;
  const { data: subtasks, refused } = usePoll(path, readSubtasks);
  if (vertex === null) return <Empty title="No vertex is chosen.">Choose one in the graph above.</Empty>;
  return (
    <>
      <VertexChoice job={job} chosen={vertex} />
      <VertexFacts vertex={vertex} />
      {refused !== null && <Empty title="No subtasks to show.">{refused.message}</Empty>}
      {subtasks !== null && subtasks.length === 0 && <Empty title="No subtasks yet.">They appear as soon as the job is deployed.</Empty>}
      {subtasks !== null && subtasks.length > 0 && (
        <Table caption={`Subtasks of ${vertex.name}`} columns={COLUMNS}>
          {subtasks.map((subtask) => (
            <SubtaskRow key={subtask.index} subtask={subtask} />
          ))}
        </Table>
      )}
    </>
  );
}

function VertexChoice({ job, chosen }: { job: Job; chosen: Vertex }) {
  if (job.vertices.length < 2) return null;
  return (
    <nav className="choice" aria-label="Vertex">
      {job.vertices.map((vertex) => (
        <a
          key={vertex.id}
          href={jobHref(job.id, "subtasks", vertex.id)}
          aria-current={vertex.id === chosen.id ? "true" : undefined}
          title={vertex.name}
        >
          {headOf(vertex.name)}
        </a>
      ))}
    </nav>
  );
}

function VertexFacts({ vertex }: { vertex: Vertex }) {
  const { totals } = vertex;
  return (
    <div className="vertex-facts">
      {totals.recordsIn !== null && (
        <p>
          read <b>{count(totals.recordsIn)}</b> rows ({bytes(totals.bytesIn)}), wrote <b>{count(totals.recordsOut)}</b> rows (
          {bytes(totals.bytesOut)})
        </p>
      )}
      {vertex.description.length > 0 && (
        <details>
          <summary>What it does</summary>
          <ol className="operators">
            {vertex.description.map((line) => (
              <li key={line}>
                <code>{line}</code>
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

function SubtaskRow({ subtask }: { subtask: Subtask }) {
  const { flow, totals } = subtask;
  return (
    <Row>
      <RowName kind="Subtask">
        {subtask.index}
        {subtask.attempt > 0 && <small className="attempt"> attempt {subtask.attempt + 1}</small>}
        {flow.message !== null && <span className="subtask-message">{flow.message}</span>}
      </RowName>
      <Cell label="State">
        <StateBadge state={subtask.status} />
      </Cell>
      <Cell label="In / s" end>
        {rate(flow.inPerSecond)}
      </Cell>
      <Cell label="Out / s" end>
        {rate(flow.outPerSecond)}
      </Cell>
      <Cell label="Rows in" end>
        {count(totals.recordsIn)}
      </Cell>
      <Cell label="Rows out" end>
        {count(totals.recordsOut)}
      </Cell>
      <Cell label="Busy share" wide>
        <ShareBar busy={flow.busy} backpressured={flow.backpressured} />
      </Cell>
      <Cell label="Watermark">{watermark(flow.watermark)}</Cell>
      <Cell label="Late · skipped" end>
        {count(flow.lateRecords)} · {count(flow.skippedRecords)}
      </Cell>
      <Cell label="TaskManager">
        {subtask.taskManagerId === null ? (
          (subtask.endpoint ?? NOTHING)
        ) : (
          <a href={taskManagerHref(subtask.taskManagerId)}>{subtask.taskManagerId}</a>
        )}
      </Cell>
      <Cell label="Duration" end>
        {duration(subtask.durationMs)}
      </Cell>
    </Row>
  );
}
