import { createContext, useContext, useSyncExternalStore } from 'react';

/** The moment to which the pointer points, shared by the lanes and all charts of a page. */
export class CursorTime {
  readonly #listeners = new Set<() => void>();
  /** Seconds since 1970; null: nowhere, everything shows the newest. */
  atS: number | null = null;

  set(atS: number | null): void {
    if (this.atS === atS) return;
    this.atS = atS;
    for (const listener of this.#listeners) listener();
  }

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
}

export const CursorContext = createContext(new CursorTime());

export function useCursor(): CursorTime {
  return useContext(CursorContext);
}

export function useCursorAtS(): number | null {
  const cursor = useCursor();
  return useSyncExternalStore(cursor.subscribe, () => cursor.atS);
}
