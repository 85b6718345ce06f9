import type { VehicleEvent } from '@corridor/contracts';
import { feltWords, figureRows, type PathRows, spendingChange } from './decisions.js';

interface Props {
  readonly event: VehicleEvent;
  readonly effect: VehicleEvent | undefined;
  readonly titleOf: (path: string) => string;
}

/** What was known when it was decided and what came of it, behind a line that opens it. */
export function Figures({ event, effect, titleOf }: Props) {
  const paths = figureRows(event, effect);
  if (paths.length === 0) return null;
  const change = event.type === 'path-switch' ? spendingChange(event) : '';
  const felt = feltWords(effect ?? event);
  return (
    <details className="event-figures">
      <summary>{effect === undefined ? 'Figures' : 'Figures before and after'}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">When</span>
            </th>
            <th scope="col">Delay</th>
            <th scope="col">Loss</th>
            <th scope="col">Rate</th>
            <th scope="col">Queue</th>
          </tr>
        </thead>
        {paths.map((path) => (
          <PathFigureRows key={path.path} path={path} title={titleOf(path.path)} />
        ))}
      </table>
      {change !== '' && <p>Sent: {change}</p>}
      {felt !== '' && <p>{felt}</p>}
    </details>
  );
}

function PathFigureRows({ path: { place, rows }, title }: { readonly path: PathRows; readonly title: string }) {
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={5}>
          {title} <span>{place}</span>
        </th>
      </tr>
      {rows.map(({ when, state, delay, loss, rate, queue, warnings }) => (
        <tr key={when}>
          <th scope="row">
            {when}
            {state !== 'up' && <span>{state}</span>}
            {warnings !== '' && <span>warns: {warnings}</span>}
          </th>
          <td>{delay}</td>
          <td>{loss}</td>
          <td>{rate}</td>
          <td>{queue}</td>
        </tr>
      ))}
    </tbody>
  );
}
