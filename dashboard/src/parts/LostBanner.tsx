// While the JobManager is away: since when, and what the figures on the page are worth.
import { useConnection } from "../live/connection";
import { moment } from "../words/format";

export function LostBanner() {
  const { heardAt, lostSince } = useConnection();
  if (lostSince === null) return null;
  const kept = heardAt === null ? "Nothing was heard yet; trying again." : "The figures below are the last ones heard; trying again.";
  return (
    <div className="lost" role="alert">
      <p>
        <strong>Connection lost since {moment(lostSince, Date.now())}.</strong> {kept}
      </p>
    </div>
  );
}
