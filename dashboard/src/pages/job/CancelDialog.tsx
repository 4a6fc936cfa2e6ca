// Asks before a job is canceled, says what that means, and says so if it could not be done.
import { useEffect, useId, useRef, useState } from "react";
import { cancelJob } from "../../rest/client";
import type { Job } from "../../rest/job";

export function CancelDialog({ job, onClose }: { job: Job; onClose: (canceled: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const canceled = useRef(false);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const titleId = useId();
  const textId = useId();

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const confirm = async () => {
    setSending(true);
    setProblem(null);
    try {
      await cancelJob(job.id);
      // Closing the dialog itself gives the focus back to where it was.
      canceled.current = true;
      dialog.current?.close();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setSending(false);
    }
  };

  return (
    <dialog ref={dialog} aria-labelledby={titleId} aria-describedby={textId} onClose={() => onClose(canceled.current)}>
      <h2 id={titleId}>Cancel this job?</h2>
      <p id={textId}>
        <b className="dialog-name">{job.name}</b> stops at once. Output that completed checkpoints have made visible stays; rows after the
        last checkpoint are not written.
      </p>
      {problem !== null && (
        <p className="dialog-problem" role="alert">
          It was not canceled: {problem}
        </p>
      )}
      <div className="dialog-actions">
        <button type="button" autoFocus onClick={() => dialog.current?.close()}>
          Keep it running
        </button>
        <button type="button" className="danger solid" disabled={sending} onClick={() => void confirm()}>
          {sending ? "Canceling …" : "Cancel the job"}
        </button>
      </div>
    </dialog>
  );
}
