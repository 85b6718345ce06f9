import type { ChannelStatus, LiveVehicle } from '@corridor/contracts';
import { type ReactNode, useEffect } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useMay } from '../../app/session.js';
import { shortAge } from '../../format/time.js';
import { type ShownState, shownState } from '../../live/shown.js';
import { useFeed, useGatewayNow, useIsCurrent, useVehicle } from '../../live/store.js';
import { Empty, Loading } from '../../ui/feedback.js';
import { Icon } from '../../ui/icons.js';
import { Age, Glyph, PolicyPill, STATE_WORDS } from '../../ui/status.js';
import { PolicyTab } from '../policy/PolicyTab.js';
import { DeviceTab } from './DeviceTab.js';
import { LinksTab } from './LinksTab.js';

const TABS = ['links', 'policy', 'device'] as const;
type Tab = (typeof TABS)[number];
const TAB_WORDS: Readonly<Record<Tab, string>> = { links: 'Links', policy: 'Policy', device: 'Vehicle and device' };

export default function VehiclePage({ id }: { readonly id: string }) {
  const vehicle = useVehicle(id);
  const isLoaded = useFeed(({ fleet }) => fleet !== null);
  const may = useMay();
  const [params, setParams] = useSearchParams();
  const tab = TABS.find((candidate) => candidate === params.get('tab')) ?? 'links';
  useEffect(() => {
    document.title = `${vehicle?.name ?? 'Vehicle'} · Corridor`;
  }, [vehicle?.name]);
  if (vehicle === undefined && !isLoaded) return <Loading what="the vehicle" />;
  if (vehicle === undefined) {
    return (
      <Empty icon="fleet" title="There is no such vehicle.">
        It may have been archived. <Link href="/">Back to the fleet</Link>
      </Empty>
    );
  }
  const tabs = TABS.filter((name) => name !== 'policy' || may('policy:read'));
  return (
    <div className="vehicle">
      <Header vehicle={vehicle} />
      <div className="tabs" role="tablist" aria-label="Parts of the vehicle">
        {tabs.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === tab}
            aria-controls="tab-panel"
            tabIndex={name === tab ? 0 : -1}
            className={name === tab ? 'tab tab-on' : 'tab'}
            onClick={() => setParams(name === 'links' ? {} : { tab: name }, { replace: true })}
            onKeyDown={(event) => {
              const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
              const next = tabs[(tabs.indexOf(name) + by + tabs.length) % tabs.length];
              if (by === 0 || next === undefined) return;
              setParams(next === 'links' ? {} : { tab: next }, { replace: true });
              document.getElementById(`tab-${next}`)?.focus();
            }}
          >
            {TAB_WORDS[name]}
            {name === 'policy' && vehicle.status.policy.applied !== vehicle.status.policy.target && (
              <span className="tab-mark" title="Not applied" />
            )}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {tab === 'links' && <LinksTab vehicle={vehicle} />}
        {tab === 'policy' && <PolicyTab vehicle={vehicle} />}
        {tab === 'device' && <DeviceTab vehicle={vehicle} />}
      </div>
    </div>
  );
}

function Header({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const isCurrent = useIsCurrent();
  const { tunnel, control, policy } = vehicle.status;
  return (
    <header className="vehicle-head">
      <Link href="/" className="back" aria-label="Back to the fleet">
        <Icon name="back" />
      </Link>
      <div className="vehicle-title">
        <h1>{vehicle.name}</h1>
        <p>
          {vehicle.group?.name ?? 'No group'}
          {vehicle.overlayAddresses.length > 0 && <span className="mono"> {vehicle.overlayAddresses.join(', ')}</span>}
        </p>
      </div>
      <Channel what="Tunnel" channel={tunnel} state={shownState(tunnel, isCurrent)} isCurrent={isCurrent} />
      <Channel what="Control channel" channel={control} state={shownState(control, isCurrent)} isCurrent={isCurrent} />
      <Block title="Policy">
        <PolicyPill policy={policy} />
        <p className="channel-why">
          {policy.reason || (policy.at === null ? 'never issued' : <PolicyAge at={policy.at} />)}
        </p>
      </Block>
    </header>
  );
}

function PolicyAge({ at }: { readonly at: string }) {
  return (
    <>
      since <Age at={at} />
    </>
  );
}

function Channel({
  what,
  channel,
  state,
  isCurrent,
}: {
  readonly what: string;
  readonly channel: ChannelStatus;
  readonly state: ShownState;
  readonly isCurrent: boolean;
}) {
  const now = useGatewayNow();
  const seen = channel.lastSeenAt === null ? null : shortAge(now - Date.parse(channel.lastSeenAt));
  const since = channel.since === null ? null : shortAge(now - Date.parse(channel.since));
  return (
    <Block title={what}>
      <p className={`channel-state channel-${state}`}>
        <Glyph state={state} />
        {STATE_WORDS[state]}
        <span className="channel-age">
          {state === 'live' ? since !== null && `for ${since}` : seen !== null && `last seen ${seen} ago`}
        </span>
      </p>
      <p className="channel-why">{isCurrent ? channel.why : `last known: ${channel.state}, ${channel.why}`}</p>
    </Block>
  );
}

function Block({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="channel">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
