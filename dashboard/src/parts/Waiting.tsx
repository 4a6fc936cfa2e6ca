// Before the first answer: a page that waits, and says for whom when nobody answers.
import { useConnection } from "../live/connection";
import { Empty } from "./Empty";

export function Waiting() {
  const { lostSince } = useConnection();
  if (lostSince === null) return <p className="waiting">Asking the JobManager …</p>;
  return (
    <Empty title="The JobManager doesn't answer." command="irmak jobmanager">
      This page asks again by itself. If the JobManager is not running, start it:
    </Empty>
  );
}
