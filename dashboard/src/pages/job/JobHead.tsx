// A job's name, state, age, and the button that ends it.
import { useState } from "react";
import { Moment } from "../../parts/Moment";
import { Name } from "../../parts/Name";
import { StateBadge } from "../../parts/StateBadge";
import { serverNow } from "../../rest/client";
import { isEnded } from "../../rest/jobs";
import type { Job } from "../../rest/job";
import { duration } from "../../words/format";
import { CancelDialog } from "./CancelDialog";

export function JobHead({ job, onCanceled }: { job: Job; onCanceled: () => void }) {
  const [asking, setAsking] = useState(false);
  const ended = isEnded(job.state);
  const canceling = job.state === "CANCELLING";
  const now = serverNow();
  return (
    <div className="job-head">
      <div className="job-title">
        <p className="crumbs">
          <a href="#/">Jobs</a>
        </p>
        <h1>
          <Name text={job.name} />
        </h1>
        <p className="job-line">
          <StateBadge state={job.state} large />
          <span>
            {ended ? "ran for" : "for"} <b>{duration(job.durationMs)}</b>
          </span>
          <span>
            started <Moment at={job.startedAt} now={now} />
          </span>
          {ended && (
            <span>
              ended <Moment at={job.endedAt} now={now} />
            </span>
          )}
          <span className="job-id" title="Job ID">
            {job.id}
          </span>
        </p>
      </div>
      {!ended && (
        <button type="button" className="danger" disabled={canceling} onClick={() => setAsking(true)}>
          {canceling ? "Canceling …" : "Cancel job"}
        </button>
      )}
      {asking && (
        <CancelDialog
          job={job}
          onClose={(canceled) => {
            setAsking(false);
            if (canceled) onCanceled();
          }}
        />
      )}
    </div>
  );
}
