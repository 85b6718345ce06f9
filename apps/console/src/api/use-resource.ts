import { useCallback, useEffect, useRef, useState } from 'react';
import { messageOf } from './client.js';

export interface Resource<T> {
  readonly data: T | null;
  /** A sentence, when the last load failed; `data` of the load before stays. */
  readonly error: string | null;
  readonly loading: boolean;
  readonly reload: () => void;
}

/**
 * Loads once for each `key` (null: not at all) and again on `reload`. An answer that comes after the key changed is
 * dropped; data of another key is never shown.
 */
export function useResource<T>(key: string | null, load: () => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: string | null; loading: boolean }>({
    key: null,
    data: null,
    error: null,
    loading: false,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a reload
  useEffect(() => {
    if (key === null) return;
    let dropped = false;
    setState((before) => ({ key, data: before.key === key ? before.data : null, error: null, loading: true }));
    latest.current().then(
      (data) => !dropped && setState({ key, data, error: null, loading: false }),
      (error) => !dropped && setState((before) => ({ ...before, key, error: messageOf(error), loading: false })),
    );
    return () => {
      dropped = true;
    };
  }, [key, round]);

  const reload = useCallback(() => setRound((before) => before + 1), []);
  const current = state.key === key ? state : { data: null, error: null, loading: key !== null };
  return { data: current.data, error: current.error, loading: current.loading, reload };
}

/** One action that a button starts: busy while it runs, its refusal as a sentence. */
export function useAction(): {
  readonly busy: boolean;
  readonly error: string | null;
  readonly clear: () => void;
  readonly run: (action: () => Promise<unknown>) => Promise<boolean>;
} {
  const [state, setState] = useState<{ busy: boolean; error: string | null }>({ busy: false, error: null });
  const run = useCallback(async (action: () => Promise<unknown>) => {
    setState({ busy: true, error: null });
    try {
      await action();
      setState({ busy: false, error: null });
      return true;
    } catch (error) {
      setState({ busy: false, error: messageOf(error) });
      return false;
    }
  }, []);
  const clear = useCallback(() => setState({ busy: false, error: null }), []);
  return { ...state, run, clear };
}
