// The scripts that the JobManager refused last: what their submitters read on the terminal, caret and all.
import { Moment } from "../../parts/Moment";
import { serverNow } from "../../rest/client";
import type { RefusedScript } from "../../rest/cluster";

export function RefusedScripts({ scripts }: { scripts: readonly RefusedScript[] }) {
  return scripts.map(({ at, text }, i) => (
    <article key={`${at} ${i}`} className="failure">
      <p className="failure-head">
        <b>Refused</b>
        <Moment at={at} now={serverNow()} />
      </p>
      <pre tabIndex={0}>{text}</pre>
    </article>
  ));
}
