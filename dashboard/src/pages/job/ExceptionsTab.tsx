// What went wrong in a job, newest first.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Moment } from "../../parts/Moment";
import { serverNow } from "../../rest/client";
import { type Failure, readFailures } from "../../rest/exceptions";
import type { Job } from "../../rest/job";
import { taskManagerHref } from "../../route";

export function ExceptionsTab({ job }: { job: Job }) {
  const failures = usePoll(`jobs/${encodeURIComponent(job.id)}/exceptions`, readFailures).data;
  if (failures === null) return <p className="waiting">Asking for exceptions …</p>;
  const { root, history } = failures;
  const last = job.state === "FAILED" ? "Why the job failed" : "Last failure";
  if (root === null && history.length === 0) {
    return <Empty title="Nothing has gone wrong.">When a task fails, its cause is kept here, also after the job has restarted.</Empty>;
  }
  return (
    <>
      {root !== null && <FailureCard failure={root} title={last} />}
      {history.map((failure, i) => (
        <FailureCard key={`${failure.at} ${i}`} failure={failure} title={i === 0 && root === null ? last : "Earlier failure"} />
      ))}
      {failures.truncated && <p className="muted">Older failures are no longer kept.</p>}
    </>
  );
}

function FailureCard({ failure, title }: { failure: Failure; title: string }) {
  const more = failure.detail.trim() !== failure.summary;
  return (
    <article className="failure">
      <p className="failure-head">
        <b>{title}</b>
        <Moment at={failure.at} now={serverNow()} />
        {failure.taskName !== null && <span>{failure.taskName}</span>}
        {failure.taskManagerId !== null ? (
          <a href={taskManagerHref(failure.taskManagerId)}>{failure.taskManagerId}</a>
        ) : (
          failure.endpoint !== null && <span>{failure.endpoint}</span>
        )}
      </p>
      <p className="failure-summary">{failure.summary}</p>
      {more && (
        <details>
          <summary>Whole text</summary>
          <pre tabIndex={0}>{failure.detail}</pre>
        </details>
      )}
    </article>
  );
}
