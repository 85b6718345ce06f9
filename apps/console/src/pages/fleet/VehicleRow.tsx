import type { LiveVehicle } from '@corridor/contracts';
import { memo } from 'react';
import { Link } from 'wouter';
import { formatDelay, formatLoss } from '../../format/units.js';
import { type LinkView, linkTitle, linkViews, shownState, worstLoss } from '../../live/shown.js';
import { PolicyPill, pathTone, StatePill } from '../../ui/status.js';
import { activeLink } from './query.js';

/** More links than this are counted, not drawn. */
const MOST_CHIPS = 4;

interface Props {
  readonly vehicle: LiveVehicle;
  readonly isCurrent: boolean;
  readonly isSelected: boolean;
  /** From 1, within the whole list. */
  readonly index: number;
  readonly top: number;
  readonly onPoint: (id: string | null) => void;
}

/** One vehicle of the fleet. Rendered again only when the vehicle itself changed. */
export const VehicleRow = memo(function VehicleRow({ vehicle, isCurrent, isSelected, index, top, onPoint }: Props) {
  const { tunnel, control, policy } = vehicle.status;
  const tunnelState = shownState(tunnel, isCurrent);
  const controlState = shownState(control, isCurrent);
  const lastKnown = isCurrent ? '' : 'Last known: ';
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows outside of the window do not exist, a table element cannot say so
    // biome-ignore lint/a11y/useFocusableInteractive: the link inside takes the focus
    <div
      role="row"
      aria-rowindex={index + 1}
      className={isSelected ? 'vrow vrow-selected' : 'vrow'}
      style={{ transform: `translateY(${top}px)` }}
      onMouseEnter={() => onPoint(vehicle.id)}
      onMouseLeave={() => onPoint(null)}
    >
      <Cell className="vrow-name">
        <Link href={`/vehicles/${vehicle.id}`} className="vrow-link">
          {vehicle.name}
        </Link>
        <span className="vrow-sub">{vehicle.group?.name ?? 'No group'}</span>
      </Cell>
      <Cell className="vrow-state">
        <span className="vrow-pills">
          <StatePill what="Tunnel" state={tunnelState} lastSeenAt={tunnel.lastSeenAt} title={lastKnown + tunnel.why} />
          <StatePill
            what="Control"
            state={controlState}
            lastSeenAt={control.lastSeenAt}
            title={lastKnown + control.why}
          />
        </span>
        <span className="vrow-sub vrow-why" title={whyOf(vehicle)}>
          {lastKnown}
          {whyOf(vehicle)}
        </span>
      </Cell>
      <Cell className="vrow-links">
        <Chips vehicle={vehicle} isCurrent={tunnelState === 'live'} />
      </Cell>
      <Cell className="vrow-policy">
        <PolicyPill policy={policy} />
      </Cell>
    </div>
  );
});

function Cell({ className, children }: { readonly className: string; readonly children: React.ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: part of the row above
    <div role="cell" className={className}>
      {children}
    </div>
  );
}

/** The tunnel's reason; the control channel's when only that one is in trouble. */
function whyOf({ status, device }: LiveVehicle): string {
  if (device?.state === 'pending') return 'waits for approval';
  if (status.tunnel.state === 'live' && status.control.state !== 'live')
    return `control channel: ${status.control.why}`;
  return status.tunnel.why;
}

function Chips({ vehicle, isCurrent }: { readonly vehicle: LiveVehicle; readonly isCurrent: boolean }) {
  const links = linkViews(vehicle);
  if (links.length === 0)
    return <span className="vrow-sub">{vehicle.device === null ? 'No device yet' : 'No links reported'}</span>;
  const active = activeLink(vehicle);
  const drawn = links.length > MOST_CHIPS ? MOST_CHIPS - 1 : links.length;
  return (
    <>
      {links.slice(0, drawn).map((link) => (
        <Chip
          key={link.name}
          link={link}
          title={linkTitle(vehicle, link.name)}
          isActive={isCurrent && link.name === active}
          isCurrent={isCurrent}
        />
      ))}
      {links.length > drawn && <span className="chip-more">{links.length - drawn} more</span>}
    </>
  );
}

function Chip({
  link,
  title,
  isActive,
  isCurrent,
}: {
  readonly link: LinkView;
  readonly title: string;
  readonly isActive: boolean;
  readonly isCurrent: boolean;
}) {
  const tone = !isCurrent ? 'other' : link.blocked ? 'blocked' : pathTone(link.state);
  const carries = isCurrent && tone === 'up';
  const words = !isCurrent ? 'not known' : link.blocked ? 'blocked' : (link.state ?? 'not known');
  const hint = `${title} (${link.name}): ${words}${link.reason ? `, ${link.reason}` : ''}${isActive ? '; carries traffic now' : ''}`;
  return (
    <span className={`chip chip-${tone}${isActive ? ' chip-active' : ''}`} title={hint}>
      <span className="chip-name">{title}</span>
      {carries ? (
        <>
          <span className="chip-figure">{formatDelay(link.rttUs)}</span>
          <span className="chip-figure">{formatLoss(worstLoss(link))}</span>
        </>
      ) : (
        <span className="chip-figure">{words}</span>
      )}
      {isActive && <span className="visually-hidden">carries traffic now</span>}
    </span>
  );
}
