// Says whether what is on the page is live, or since when the JobManager is away.
import { useConnection } from "../live/connection";
import { moment } from "../words/format";

export function ConnectionSign() {
  const { heardAt, lostSince } = useConnection();
  if (lostSince !== null) {
    const kept = heardAt === null ? "Nothing was heard yet; trying again." : "The figures below are the last ones heard; trying again.";
    return (
      <p className="connection lost" role="alert">
        <strong>connection lost since {moment(lostSince, Date.now())}</strong> <span>{kept}</span>
      </p>
    );
  }
  return (
    <p className="connection" title={heardAt === null ? undefined : `last answer at ${moment(heardAt, Date.now())}`}>
      <i className="pulse" aria-hidden="true" />
      {heardAt === null ? "connecting" : "live"}
    </p>
  );
}
