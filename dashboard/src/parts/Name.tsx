// A long name that may break after its dots, commas and underscores, where it reads best.
import { Fragment } from "react";

export function Name({ text }: { text: string }) {
  const pieces = text.split(/(?<=[.,_/])/);
  return pieces.map((piece, i) => (
    <Fragment key={`${i} ${piece}`}>
      {i > 0 && <wbr />}
      {piece}
    </Fragment>
  ));
}
