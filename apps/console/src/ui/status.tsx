import type { PolicyStatus } from '@corridor/contracts';
import { clockTime, localDate, localTime, shortAge, utcTime } from '../format/time.js';
import type { ShownState } from '../live/shown.js';
import { gatewayNowMs, useGatewayNow } from '../live/store.js';

/** A shape for each state, so that nobody has to tell them by colour alone. */
export function Glyph({ state, size = 12 }: { readonly state: ShownState; readonly size?: number }) {
  return (
    <svg
      className={`glyph glyph-${state}`}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      aria-hidden="true"
      focusable="false"
    >
      {state === 'live' && <circle cx="6" cy="6" r="5" />}
      {state === 'stale' && <path d="M6 .8 11.6 11H.4z" />}
      {state === 'offline' && <path d="M3 .8h6L11.2 3v6L9 11.2H3L.8 9V3z" />}
      {state === 'never' && <circle cx="6" cy="6" r="4.2" fill="none" strokeWidth="1.6" />}
      {state === 'unknown' && <path d="M6 .3 11.7 6 6 11.7.3 6z" />}
    </svg>
  );
}

export const STATE_WORDS: Readonly<Record<ShownState, string>> = {
  live: 'Live',
  stale: 'Stale',
  offline: 'Offline',
  never: 'Never seen',
  unknown: 'Unknown',
};

/** State of one channel in one word, with its age when it is not live. */
export function StatePill({
  state,
  what,
  lastSeenAt,
  title,
}: {
  readonly state: ShownState;
  /** "Tunnel" or "Control". */
  readonly what: string;
  readonly lastSeenAt: string | null;
  readonly title?: string;
}) {
  return (
    <span className={`pill pill-${state}`} title={title}>
      <Glyph state={state} size={10} />
      <span className="pill-what">{what}</span>
      <span className="pill-word">{STATE_WORDS[state].toLowerCase()}</span>
      {state !== 'live' && lastSeenAt !== null && <Age at={lastSeenAt} />}
    </span>
  );
}

/** Age of a moment by the gateway's clock, counting. */
export function Age({ at, prefix = '' }: { readonly at: string; readonly prefix?: string }) {
  const now = useGatewayNow();
  return (
    <time className="age" dateTime={at} title={utcTime(new Date(at))}>
      {prefix}
      {shortAge(now - Date.parse(at))}
    </time>
  );
}

/** A moment in local time, UTC on hover. */
export function Moment({
  at,
  millis = false,
  always = 'time',
}: {
  readonly at: string;
  readonly millis?: boolean;
  /** `date`: the day stands before the time even today. */
  readonly always?: 'time' | 'date';
}) {
  const date = new Date(at);
  const text =
    always === 'date'
      ? `${localDate(date)} ${clockTime(date, millis)}`
      : localTime(date, new Date(gatewayNowMs()), millis);
  return (
    <time className="moment" dateTime={at} title={utcTime(date)}>
      {text}
    </time>
  );
}

const POLICY_WORDS: Readonly<Record<PolicyStatus['state'], string>> = {
  none: 'no policy yet',
  pending: 'pending',
  received: 'received',
  applied: 'applied',
  rejected: 'rejected',
  reverted: 'reverted',
};

export function PolicyPill({ policy }: { readonly policy: PolicyStatus }) {
  const different = policy.applied !== policy.target;
  const versions =
    policy.target === 0 ? '' : different ? `v${policy.applied || '–'} → v${policy.target}` : `v${policy.target}`;
  return (
    <span className={`policy-pill policy-${policy.state}`} title={policy.reason || undefined}>
      {versions} {POLICY_WORDS[policy.state]}
    </span>
  );
}

/** State of a path, coloured by what it means for traffic; a state this page does not know is shown as it is. */
export function pathTone(state: string | null): 'up' | 'suspect' | 'gated' | 'down' | 'other' {
  if (state === 'up' || state === 'suspect' || state === 'gated' || state === 'down') return state;
  return 'other';
}
