import type { LiveVehicle } from '@corridor/contracts';
import { useEffect } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction } from '../../api/use-resource.js';
import { useMay, useSession } from '../../app/session.js';
import { useCursorAtS } from '../../charts/cursor.js';
import { indexAt, type LinkHistory } from '../../charts/history.js';
import { LineChart } from '../../charts/LineChart.js';
import { formatDelay, formatLoss, formatRate } from '../../format/units.js';
import { type LinkView, uplinkOf } from '../../live/shown.js';
import { Button } from '../../ui/controls.js';
import { Notice } from '../../ui/feedback.js';
import { Icon } from '../../ui/icons.js';
import { pathTone } from '../../ui/status.js';

export interface Scales {
  readonly delayUs: number;
  readonly lossRatio: number;
  readonly rateBps: number;
}

interface Props {
  readonly vehicle: LiveVehicle;
  readonly link: LinkHistory;
  readonly view: LinkView | undefined;
  readonly title: string;
  readonly stepS: number;
  readonly fromS: number;
  readonly toS: number;
  readonly scales: Scales;
  /** Whether `view` says what is, not what was. */
  readonly isLive: boolean;
}

/** One link: what it does now, what it did, and the buttons that try it. */
export function LinkColumn({ vehicle, link, view, title, stepS, fromS, toS, scales, isLive }: Props) {
  const cursorS = useCursorAtS();
  const at = cursorS === null ? undefined : indexAt(link, cursorS, stepS);
  const pick = (column: readonly (number | null)[], now: number | null | undefined) =>
    cursorS === null ? (isLive ? now : null) : at === undefined ? null : column[at];
  const isDown = view?.state === 'down';
  const time = { atS: link.atS, fromS, toS };
  return (
    <article className="panel link" aria-label={`Link ${title}`}>
      <LinkHead view={view} name={link.name} title={title} isLive={isLive} />
      <Figure title="Delay" now={formatDelay(pick(link.rttUs, isDown ? null : view?.rttUs))}>
        <LineChart
          {...time}
          label={`Round trip of ${title}`}
          lines={[{ values: link.rttUs, colour: '--up' }]}
          top={scales.delayUs}
          format={formatDelay}
        />
      </Figure>
      <Figure
        title="Loss"
        up={formatLoss(pick(link.upLoss, isDown ? null : view?.up?.lossRatio))}
        down={formatLoss(pick(link.downLoss, isDown ? null : view?.down?.lossRatio))}
      >
        <LineChart
          {...time}
          label={`Loss of ${title}, both directions`}
          lines={[
            { values: link.downLoss, colour: '--down' },
            { values: link.upLoss, colour: '--up' },
          ]}
          top={scales.lossRatio}
          format={formatLoss}
        />
      </Figure>
      <Figure
        title="Rate"
        up={formatRate(pick(link.upBps, view?.up?.rateBps))}
        down={formatRate(pick(link.downBps, view?.down?.rateBps))}
      >
        <LineChart
          {...time}
          label={`Rate of ${title}, both directions`}
          lines={[
            { values: link.downBps, colour: '--down' },
            { values: link.upBps, colour: '--up' },
          ]}
          top={scales.rateBps}
          format={formatRate}
        />
      </Figure>
      <Drills vehicleId={vehicle.id} name={link.name} title={title} isBlocked={view?.blocked === true} />
    </article>
  );
}

function LinkHead({
  view,
  name,
  title,
  isLive,
}: {
  readonly view: LinkView | undefined;
  readonly name: string;
  readonly title: string;
  readonly isLive: boolean;
}) {
  const tone = isLive && view !== undefined ? (view.blocked ? 'blocked' : pathTone(view.state)) : 'other';
  const state = !isLive ? 'not known now' : view?.blocked ? 'blocked' : (view?.state ?? 'not known');
  const classes = isLive ? (view?.activeFor ?? []) : [];
  return (
    <header className="link-head">
      <div className="link-title">
        <h3>{title}</h3>
        {title !== name && <span className="link-name">{name}</span>}
        {view?.overTls && <span className="tag">TLS</span>}
        {view?.metered && <span className="tag">metered</span>}
        {view?.roaming && <span className="tag">roaming</span>}
        {view?.capReached && <span className="tag">data used up</span>}
        {view?.capReached === false && view.capUsed !== null && (
          <span className="tag">{Math.floor(view.capUsed * 100)} % of data used</span>
        )}
        <span className={`link-state link-${tone}`}>{state}</span>
      </div>
      <p className="link-why">
        {classes.length > 0 ? (
          <>
            <Icon name="switch" size={14} /> carries {classes.join(', ')}
          </>
        ) : (
          (isLive && view?.reason) || (isLive && view?.state === 'up' ? 'ready, carries nothing now' : '\u00a0')
        )}
        {isLive &&
          view?.otherState &&
          ` (${view.otherState} at the ${view.source === 'vehicle' ? 'gateway' : 'vehicle'}'s end)`}
      </p>
    </header>
  );
}

function Figure({
  title,
  now,
  up,
  down,
  children,
}: {
  readonly title: string;
  readonly now?: string;
  readonly up?: string;
  readonly down?: string;
  readonly children: React.ReactNode;
}) {
  return (
    <figure className="figure">
      <figcaption>
        <span className="figure-title">{title}</span>
        {now !== undefined && <span className="figure-now">{now}</span>}
        {up !== undefined && (
          <span className="figure-now figure-up">
            <span aria-hidden="true">↑</span>
            <span className="visually-hidden">up</span> {up}
          </span>
        )}
        {down !== undefined && (
          <span className="figure-now figure-down">
            <span aria-hidden="true">↓</span>
            <span className="visually-hidden">down</span> {down}
          </span>
        )}
      </figcaption>
      {children}
    </figure>
  );
}

/** Takes the path out of use at the gateway's end; in the demo, cuts the emulated link itself. */
function Drills({
  vehicleId,
  name,
  title,
  isBlocked,
}: {
  readonly vehicleId: string;
  readonly name: string;
  readonly title: string;
  readonly isBlocked: boolean;
}) {
  const { features } = useSession();
  const may = useMay();
  const { busy, error, clear, run } = useAction();
  useEffect(() => {
    if (error === null) return;
    const timer = setTimeout(clear, 8000);
    return () => clearTimeout(timer);
  }, [error, clear]);
  if (!may('drill:run')) return null;
  return (
    <footer className="link-drills">
      {features.linkDrills && (
        <>
          <Button
            small
            icon="cut"
            busy={busy}
            aria-label={`Cut link ${title}`}
            onClick={() => void run(() => gateway.drill(vehicleId, uplinkOf(name), 'cut'))}
          >
            Cut link
          </Button>
          <Button
            small
            icon="restore"
            busy={busy}
            aria-label={`Restore link ${title}`}
            onClick={() => void run(() => gateway.drill(vehicleId, uplinkOf(name), 'restore'))}
          >
            Restore
          </Button>
        </>
      )}
      <Button
        small
        icon="block"
        busy={busy}
        aria-pressed={isBlocked}
        aria-label={isBlocked ? `Unblock path ${title}` : `Block path ${title}`}
        title="Takes the path out of use at the gateway's end; the vehicle notices and moves its traffic"
        onClick={() => void run(() => gateway.setBlocked(vehicleId, name, !isBlocked))}
      >
        {isBlocked ? 'Unblock path' : 'Block path'}
      </Button>
      {error !== null && <Notice kind="error">{error}</Notice>}
    </footer>
  );
}
