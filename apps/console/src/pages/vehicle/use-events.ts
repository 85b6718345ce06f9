import type { RecordedEvent } from '@corridor/contracts';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { messageOf } from '../../api/client.js';
import * as gateway from '../../api/gateway.js';
import { useFeed } from '../../live/store.js';
import { mergedEvents } from './event-words.js';

const PAGE = 100;

/** Events of one vehicle, newest first: the stored ones page by page, the newest from the live feed. */
export function useVehicleEvents(vehicleId: string) {
  const [stored, setStored] = useState<readonly RecordedEvent[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [loading, setLoading] = useState(true);
  const live = useFeed(({ fleet }) => fleet?.events);

  const load = useCallback(
    async (after: string | null) => {
      setLoading(true);
      try {
        const page = await gateway.events({ vehicleId, limit: PAGE, ...(after === null ? {} : { cursor: after }) });
        setStored((before) => mergedEvents(before, page.items));
        setCursor(page.nextCursor);
        setError(null);
      } catch (failure) {
        setError(messageOf(failure));
      }
      setLoading(false);
    },
    [vehicleId],
  );
  useEffect(() => void load(null), [load]);

  const events = useMemo(
    () =>
      mergedEvents(
        stored,
        (live ?? []).filter((event) => event.vehicleId === vehicleId),
      ),
    [stored, live, vehicleId],
  );
  const older = cursor === null ? null : () => void load(cursor);
  return { events, older, error, loading };
}
