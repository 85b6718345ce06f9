import type { LiveVehicle, Source } from '@corridor/contracts';
import { lazy, Suspense, useMemo, useState } from 'react';
import { CursorContext, CursorTime } from '../../charts/cursor.js';
import { type History, withLinks } from '../../charts/history.js';
import { Lanes } from '../../charts/Lanes.js';
import { scaleTop } from '../../charts/lane-layout.js';
import { RANGES, type RangeName, useHistory } from '../../charts/use-history.js';
import { linkTitle, linkViews } from '../../live/shown.js';
import { useGatewayNow, useIsCurrent } from '../../live/store.js';
import { Button, Segments } from '../../ui/controls.js';
import { Empty, Loading, Notice } from '../../ui/feedback.js';
import { PHONE, useMedia } from '../../ui/media.js';
import { LinkColumn, type Scales } from './LinkColumn.js';
import { Timeline } from './Timeline.js';
import { useVehicleEvents } from './use-events.js';

const FleetMap = lazy(() => import('../../map/FleetMap.js'));
const RANGE_OPTIONS = Object.entries(RANGES).map(([value, { label }]) => ({ value: value as RangeName, label }));
const ENDS = [
  { value: 'vehicle' as const, label: 'Vehicle' },
  { value: 'gateway' as const, label: 'Gateway' },
];

/** The links of a vehicle: now, over time, and what happened to them. */
export function LinksTab({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const [range, setRange] = useState<RangeName>('5m');
  const [source, setSource] = useState<Source>('vehicle');
  const { history, error, reload } = useHistory(vehicle.id, range, source);
  const events = useVehicleEvents(vehicle.id);
  const cursor = useMemo(() => new CursorTime(), []);
  const titleOf = (name: string) => linkTitle(vehicle, name);
  return (
    <CursorContext value={cursor}>
      <div className="links-tab">
        <div className="links-main">
          <section className="panel" aria-labelledby="lanes-title">
            <header className="panel-head">
              <h2 id="lanes-title">Links over time</h2>
              <div className="panel-tools">
                <span className="tool-label">as measured by</span>
                <Segments label="Measured by" value={source} options={ENDS} onChange={setSource} />
                <Segments label="Range" value={range} options={RANGE_OPTIONS} onChange={setRange} />
              </div>
            </header>
            {error !== null && (
              <Notice
                kind="error"
                action={
                  <Button small onClick={reload}>
                    Try again
                  </Button>
                }
              >
                {error}
              </Notice>
            )}
            {history === null && error === null && <Loading what="the history" />}
            <LaneLegend />
            {history !== null && <LanePanel history={history} titleOf={titleOf} events={events.events} />}
          </section>
          {history !== null && <Columns vehicle={vehicle} history={history} source={source} />}
        </div>
        <aside className="links-side">
          <WhereItIs vehicle={vehicle} />
          <Timeline {...events} titleOf={titleOf} />
        </aside>
      </div>
    </CursorContext>
  );
}

function LanePanel({
  history,
  titleOf,
  events,
}: {
  readonly history: History;
  readonly titleOf: (name: string) => string;
  readonly events: ReturnType<typeof useVehicleEvents>['events'];
}) {
  const now = useGatewayNow();
  if (history.links.length === 0) {
    return (
      <Empty icon="link" title="No link has reported yet.">
        Figures appear as soon as the vehicle's tunnel stands.
      </Empty>
    );
  }
  return <Lanes history={history} toS={now / 1000} titleOf={titleOf} events={events} />;
}

const LEGEND = [
  ['lane-up lane-active', 'carries traffic'],
  ['lane-up', 'up'],
  ['lane-suspect', 'suspect'],
  ['lane-gated', 'gated'],
  ['lane-down', 'down'],
] as const;

function LaneLegend() {
  return (
    <ul className="lane-legend" aria-label="Colours">
      {LEGEND.map(([tone, word]) => (
        <li key={word}>
          <svg width="18" height="12" aria-hidden="true">
            <rect
              className={`lane ${tone}`}
              x="0"
              width="18"
              rx="2"
              y={tone.includes('active') ? 0 : tone.includes('down') ? 4 : 2}
              height={tone.includes('active') ? 12 : tone.includes('down') ? 4 : 8}
            />
          </svg>
          {word}
        </li>
      ))}
    </ul>
  );
}

/** One scale for all links, so that their curves can be compared. */
function scalesOf({ links }: History): Scales {
  return {
    delayUs: scaleTop(
      links.map(({ rttUs }) => rttUs),
      50_000,
    ),
    lossRatio: Math.min(
      1,
      scaleTop(
        links.flatMap(({ upLoss, downLoss }) => [upLoss, downLoss]),
        0.02,
      ),
    ),
    rateBps: scaleTop(
      links.flatMap(({ upBps, downBps }) => [upBps, downBps]),
      100_000,
    ),
  };
}

function Columns({
  vehicle,
  history,
  source,
}: {
  readonly vehicle: LiveVehicle;
  readonly history: History;
  readonly source: Source;
}) {
  const now = useGatewayNow() / 1000;
  const isCurrent = useIsCurrent();
  const views = linkViews(vehicle, source);
  // A link that the store does not know yet gets its column at once.
  const complete = useMemo(
    () =>
      withLinks(
        history,
        views.map(({ name }) => name),
      ),
    [history, views],
  );
  const scales = useMemo(() => scalesOf(complete), [complete]);
  const isLive = isCurrent && vehicle.status.tunnel.state === 'live';
  return (
    <div className="links-columns">
      {complete.links.map((link) => (
        <LinkColumn
          key={link.name}
          vehicle={vehicle}
          link={link}
          view={views.find(({ name }) => name === link.name)}
          title={linkTitle(vehicle, link.name)}
          stepS={history.stepS}
          fromS={now - history.rangeS}
          toS={now}
          scales={scales}
          isLive={isLive}
        />
      ))}
    </div>
  );
}

function WhereItIs({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const isPhone = useMedia(PHONE);
  const isCurrent = useIsCurrent();
  const list = useMemo(() => [vehicle], [vehicle]);
  if (isPhone || vehicle.status.position === null) return null;
  return (
    <section className="panel where" aria-label="Where it is">
      <Suspense fallback={<Loading what="the map" />}>
        <FleetMap vehicles={list} isCurrent={isCurrent} pointed={null} onOpen={() => {}} follow />
      </Suspense>
    </section>
  );
}
