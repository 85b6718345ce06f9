import type { LiveVehicle } from '@corridor/contracts';
import { type Map as MapLibreMap, Popup } from 'maplibre-gl';
import { useEffect, useMemo } from 'react';
import { createPortal } from 'react-dom';
import { formatDelay, formatLoss, formatSpeed } from '../format/units.js';
import { linkTitle, linkViews, shownState, worstLoss } from '../live/shown.js';
import { activeLink } from '../pages/fleet/query.js';
import { Button } from '../ui/controls.js';
import { Age, StatePill } from '../ui/status.js';

interface Props {
  readonly map: MapLibreMap;
  readonly vehicle: LiveVehicle;
  readonly isCurrent: boolean;
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
}

/** What a click on a vehicle says; follows the vehicle. */
export function VehiclePopup({ map, vehicle, isCurrent, onOpen, onClose }: Props) {
  const holder = useMemo(() => document.createElement('div'), []);
  const popup = useMemo(
    () =>
      new Popup({
        closeButton: false,
        closeOnClick: false,
        offset: 18,
        maxWidth: '280px',
        className: 'map-popup',
      }).setDOMContent(holder),
    [holder],
  );
  const { position, tunnel, control } = vehicle.status;
  useEffect(() => {
    if (position !== null) popup.setLngLat([position.longitude, position.latitude]).addTo(map);
  }, [map, popup, position]);
  useEffect(() => () => void popup.remove(), [popup]);
  useEffect(() => {
    const onEscape = (event: KeyboardEvent) => event.key === 'Escape' && onClose();
    document.addEventListener('keydown', onEscape);
    return () => document.removeEventListener('keydown', onEscape);
  }, [onClose]);

  const state = shownState(tunnel, isCurrent);
  const active = linkViews(vehicle).find(({ name }) => name === activeLink(vehicle));
  return createPortal(
    <div className="popup">
      <p className="popup-name">{vehicle.name}</p>
      <p className="popup-pills">
        <StatePill what="Tunnel" state={state} lastSeenAt={tunnel.lastSeenAt} />
        <StatePill what="Control" state={shownState(control, isCurrent)} lastSeenAt={control.lastSeenAt} />
      </p>
      <p className="popup-line">{isCurrent ? tunnel.why : `Last known: ${tunnel.why}`}</p>
      {state === 'live' && active !== undefined && (
        <p className="popup-line">
          Via {linkTitle(vehicle, active.name)}: {formatDelay(active.rttUs)}, {formatLoss(worstLoss(active))} loss
        </p>
      )}
      {position !== null && (
        <p className="popup-line">
          {position.speedMps !== undefined && `${formatSpeed(position.speedMps)}, `}
          position <Age at={position.at} /> old
        </p>
      )}
      <Button kind="primary" small onClick={() => onOpen(vehicle.id)}>
        Open vehicle
      </Button>
    </div>,
    holder,
  );
}
