// Says in the frame whether what is on the page is live.
import { useConnection } from "../live/connection";
import { moment } from "../words/format";
import { Sign } from "./Sign";

export function ConnectionSign() {
  const { heardAt, lostSince } = useConnection();
  if (lostSince !== null) {
    return (
      <p className="connection away">
        <Sign name="cross" />
        away
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
