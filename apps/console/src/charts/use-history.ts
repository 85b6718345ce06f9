import type { Source } from '@corridor/contracts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { messageOf } from '../api/client.js';
import * as gateway from '../api/gateway.js';
import { linkViews } from '../live/shown.js';
import { gatewayNowMs, useIsCurrent, useVehicle } from '../live/store.js';
import { fromMetrics, type History, newestS, withSample } from './history.js';

/** Ranges of the vehicle page: seconds and steps. */
export const RANGES = {
  '5m': { label: '5 min', seconds: 300, points: 300 },
  '1h': { label: '1 h', seconds: 3_600, points: 600 },
  '24h': { label: '24 h', seconds: 86_400, points: 720 },
} as const;
export type RangeName = keyof typeof RANGES;

/** The store's history, continued by the live feed. Loaded again when the feed was away for longer than a few steps. */
export function useHistory(vehicleId: string, range: RangeName, source: Source) {
  const [history, setHistory] = useState<History | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const vehicle = useVehicle(vehicleId);
  const isCurrent = useIsCurrent();
  const loadedFor = useRef('');

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a reload
  useEffect(() => {
    const abort = new AbortController();
    const key = `${vehicleId} ${range} ${source}`;
    if (loadedFor.current !== key) setHistory(null);
    const { seconds, points } = RANGES[range];
    const toMs = gatewayNowMs();
    gateway.metrics(vehicleId, toMs - seconds * 1000, toMs, source, points, abort.signal).then(
      (metrics) => {
        if (abort.signal.aborted) return;
        loadedFor.current = key;
        setHistory(fromMetrics(metrics, seconds));
        setError(null);
      },
      (failure) => !abort.signal.aborted && setError(messageOf(failure)),
    );
    return () => abort.abort();
  }, [vehicleId, range, source, round]);

  const reload = useCallback(() => setRound((before) => before + 1), []);

  const links = vehicle?.status.links;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a sample is taken when the links' figures changed
  useEffect(() => {
    if (vehicle === undefined || !isCurrent || vehicle.status.tunnel.state !== 'live') return;
    const atS = gatewayNowMs() / 1000;
    setHistory((before) => {
      if (before === null) return before;
      const newest = newestS(before);
      if (newest !== undefined && atS - newest > Math.max(15, before.stepS * 4)) queueMicrotask(reload);
      return withSample(before, atS, linkViews(vehicle, source));
    });
  }, [links, isCurrent, source]);

  return { history, error, reload };
}
