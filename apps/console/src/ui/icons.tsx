import type { ReactNode } from 'react';

/** Outlines on a 20 x 20 grid, drawn in the colour of the text. */
const PATHS = {
  fleet:
    'M3 12.5V7a1.5 1.5 0 0 1 1.5-1.5H12v7m-9 0h9m-9 0v2h1.6m7.4-2V8h2.8l2.2 2.6v3.9h-1.4M8 14.5h4.2M7 7.7v3M5.5 9.2h3M8 14.5a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0Zm7.6 0a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0Z',
  provision:
    'M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h2v2h-2zM14.5 14.5h2v2h-2zM11.5 16.5h.01M16.5 11.5h.01',
  groups: 'M3 5.5h5l1.5 2H17v8.5H3z',
  operators: 'M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.5c.6-2.7 3-4.3 6-4.3s5.4 1.6 6 4.3',
  tokens: 'M12.8 10.5a3.5 3.5 0 1 0-3.3-2.3L4 13.7V16.5h2.8v-1.8h1.7V13l1.7-2.7c.7.2 1.8.300 2.6.200ZM13.7 6.3h.01',
  audit: 'M5 3.5h7l3 3v10H5zM7.5 8.5h5M7.5 11h5M7.5 13.5h3',
  account: 'M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.5c.6-2.7 3-4.3 6-4.3s5.4 1.6 6 4.3',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Zm4-1.5 3.5 3.5',
  map: 'm3.5 5.5 4.5-2 4 2 4.5-2v11l-4.5 2-4-2-4.5 2zM8 3.5v11M12 5.5v11',
  list: 'M7 5.5h9.5M7 10h9.5M7 14.5h9.5M3.7 5.5h.01M3.7 10h.01M3.7 14.5h.01',
  split: 'M3.5 4.5h13v11h-13zM10.5 4.5v11',
  close: 'm5 5 10 10M15 5 5 15',
  back: 'M12 4.5 6.5 10l5.5 5.5',
  next: 'M8 4.5 13.5 10 8 15.5',
  down: 'm5 8 5 5 5-5',
  plus: 'M10 4v12M4 10h12',
  check: 'm4.5 10.5 3.7 3.7 7.3-8',
  warn: 'M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.2h.01',
  copy: 'M7.5 7.5h9v9h-9zM4.5 12.5h-1v-9h9v1',
  cut: 'M6 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm0 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm1.6-3.3L16.5 5M7.6 7.3 16.5 15',
  restore: 'M4 10a6 6 0 1 0 1.9-4.4M4 3.8v3.4h3.4',
  block: 'M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM5.5 5.5l9 9',
  switch: 'M3.5 7h10.5m-3-3 3 3-3 3M16.5 13H6m3 3-3-3 3-3',
  link: 'M3.5 14.5v2M7.8 11.5v5M12.2 8v8.5M16.5 3.5v13',
  session: 'M5.5 9V7a4.5 4.5 0 0 1 9 0v2M4.5 9h11v7.5h-11z',
  policy: 'M10 3 4 5.5v4c0 3.6 2.5 6.1 6 7.5 3.5-1.4 6-3.9 6-7.5v-4z',
  info: 'M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM10 9.2v4M10 6.7h.01',
  edit: 'm4 16 .7-3.2L13.2 4.3l2.5 2.5-8.5 8.5z',
  trash: 'M4.5 6h11M8 6V4h4v2m-6.3 0 .6 10.5h7.4L14.3 6M8.5 9v5M11.5 9v5',
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h13',
  sun: 'M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4',
  moon: 'M16 11.5A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.5Z',
  screen: 'M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3',
  out: 'M8.5 3.5h-5v13h5M12.5 6.5 16 10l-3.5 3.5M16 10H8',
  locate: 'M10 14.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10 2.5v3M10 14.5v3M2.5 10h3M14.5 10h3',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration beside words; a button that has only an icon carries the words in `aria-label`. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Two lanes that part for the one in the middle. */
export function Mark({ size = 24 }: { readonly size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--accent-fill)" />
      <path d="M6 26 12.4 6h3L11 26zM26 26 19.6 6h-3L21 26z" fill="#fff" fillOpacity=".6" />
      <path d="M14.6 26h2.8l-.7-5.2h-1.4zm.9-8.2h1l-.5-4.6z" fill="#fff" />
    </svg>
  );
}
