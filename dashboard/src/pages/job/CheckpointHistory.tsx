// How each of the last checkpoints went, and why one failed.
import { Moment } from "../../parts/Moment";
import { StateBadge } from "../../parts/StateBadge";
import { Cell, type Column, Row, RowName, Table } from "../../parts/Table";
import type { Checkpoint } from "../../rest/checkpoints";
import { serverNow } from "../../rest/client";
import { bytes, count, duration, NOTHING } from "../../words/format";

const COLUMNS: Column[] = [
  { label: "No." },
  { label: "Status" },
  { label: "Started", end: true },
  { label: "Took", end: true },
  { label: "Size", end: true },
  { label: "Acknowledged", end: true },
  { label: "Kept at, or why it failed" },
];

export function CheckpointHistory({ history }: { history: readonly Checkpoint[] }) {
  const now = serverNow();
  const longest = Math.max(1, ...history.map((checkpoint) => checkpoint.durationMs ?? 0));
  return (
    <Table caption="Checkpoint history" columns={COLUMNS}>
      {history.map((checkpoint) => (
        <Row key={checkpoint.id}>
          <RowName kind="Checkpoint">
            {checkpoint.id}
            {checkpoint.isSavepoint && <small className="attempt"> savepoint</small>}
          </RowName>
          <Cell label="Status">
            <StateBadge state={checkpoint.status} />
          </Cell>
          <Cell label="Started" end>
            <Moment at={checkpoint.triggeredAt} now={now} />
          </Cell>
          <Cell label="Took" end>
            <span className="took">
              <i style={{ width: `${(100 * (checkpoint.durationMs ?? 0)) / longest}%` }} aria-hidden="true" />
              {duration(checkpoint.durationMs)}
            </span>
          </Cell>
          <Cell label="Size" end>
            {bytes(checkpoint.stateBytes)}
          </Cell>
          <Cell label="Acknowledged" end>
            {count(checkpoint.acknowledged)} of {count(checkpoint.subtasks)}
          </Cell>
          <Cell label="Kept at, or why it failed" wrap>
            <Outcome checkpoint={checkpoint} />
          </Cell>
        </Row>
      ))}
    </Table>
  );
}

function Outcome({ checkpoint }: { checkpoint: Checkpoint }) {
  if (checkpoint.status === "FAILED") return <span className="tone-text-bad">{checkpoint.failure ?? "no reason was given"}</span>;
  if (checkpoint.discarded) return <span className="muted">removed after a newer one</span>;
  return checkpoint.path === null ? NOTHING : <code>{checkpoint.path}</code>;
}
