// The TaskManagers of the cluster: how full each is, and whether it was heard lately.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Section } from "../../parts/Section";
import { SlotCells } from "../../parts/SlotCells";
import { Cell, type Column, Row, RowName, Table } from "../../parts/Table";
import { useTitle } from "../../parts/useTitle";
import { Waiting } from "../../parts/Waiting";
import { serverNow } from "../../rest/client";
import { readTaskManagers, type TaskManager } from "../../rest/taskManagers";
import { taskManagerHref } from "../../route";
import { count, plural } from "../../words/format";
import { Heartbeat } from "./Heartbeat";
import { Memory } from "./Memory";

const COLUMNS: Column[] = [
  { label: "TaskManager" },
  { label: "Slots" },
  { label: "Free", end: true },
  { label: "Last heartbeat" },
  { label: "Memory" },
  { label: "CPU cores", end: true },
  { label: "Data port", end: true },
];

export function TaskManagersPage() {
  useTitle("TaskManagers");
  const taskManagers = usePoll("taskmanagers", readTaskManagers).data;
  if (taskManagers === null) return <Waiting />;
  const slots = taskManagers.reduce((sum, tm) => sum + tm.slots, 0);
  const free = taskManagers.reduce((sum, tm) => sum + tm.freeSlots, 0);
  return (
    <>
      <h1 className="unseen">TaskManagers</h1>
      <Section
        title="TaskManagers"
        aside={taskManagers.length === 0 ? undefined : `${taskManagers.length}, with ${count(free)} of ${plural(slots, "slot")} free`}
      >
        {taskManagers.length === 0 ? (
          <Empty title="No TaskManager has registered." command="irmak taskmanager">
            Jobs wait until there is one. Start it on this machine, or on another with the JobManager's address in jobmanager.rpc.address:
          </Empty>
        ) : (
          <Table caption="TaskManagers" columns={COLUMNS}>
            {taskManagers.map((tm) => (
              <TaskManagerRow key={tm.id} tm={tm} />
            ))}
          </Table>
        )}
      </Section>
    </>
  );
}

function TaskManagerRow({ tm }: { tm: TaskManager }) {
  return (
    <Row>
      <RowName>
        <a href={taskManagerHref(tm.id)}>{tm.id}</a>
        {tm.path !== "" && <small className="path">{tm.path}</small>}
      </RowName>
      <Cell label="Slots">
        <span className="slot-cell">
          {count(tm.slots)} <SlotCells total={tm.slots} free={tm.freeSlots} />
        </span>
      </Cell>
      <Cell label="Free" end>
        {count(tm.freeSlots)}
      </Cell>
      <Cell label="Last heartbeat">
        <Heartbeat at={tm.heartbeatAt} now={serverNow()} timeout={tm.heartbeatTimeout} />
      </Cell>
      <Cell label="Memory">
        <Memory tm={tm} />
      </Cell>
      <Cell label="CPU cores" end>
        {count(tm.cpuCores)}
      </Cell>
      <Cell label="Data port" end>
        {tm.dataPort === null || tm.dataPort <= 0 ? "–" : tm.dataPort}
      </Cell>
    </Row>
  );
}
