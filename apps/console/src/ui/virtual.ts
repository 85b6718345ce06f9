import { type RefObject, useEffect, useState } from 'react';

export interface Range {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** Which of `count` rows of one height a window shows, with `overscan` more at each end. */
export function visibleRange(scrollTop: number, height: number, rowHeight: number, count: number, overscan = 6): Range {
  const first = Math.max(0, Math.min(Math.floor(scrollTop / rowHeight) - overscan, count - 1));
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + overscan);
  return { first: Math.max(0, first), end: Math.max(0, end) };
}

/** Follows the scrolling of `container`. Renders only when rows enter or leave. */
export function useVisibleRange(container: RefObject<HTMLElement | null>, rowHeight: number, count: number): Range {
  const [range, setRange] = useState<Range>({ first: 0, end: Math.min(count, 40) });
  useEffect(() => {
    const element = container.current;
    if (element === null) return;
    const update = () => {
      const next = visibleRange(element.scrollTop, element.clientHeight, rowHeight, count);
      setRange((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    update();
    element.addEventListener('scroll', update, { passive: true });
    const observer = new ResizeObserver(update);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', update);
      observer.disconnect();
    };
  }, [container, rowHeight, count]);
  return range;
}
