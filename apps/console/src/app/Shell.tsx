import type { Permission } from '@corridor/contracts';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { shortAge } from '../format/time.js';
import { fleetStore, isCurrent, useFeed, useGatewayNow } from '../live/store.js';
import { Button, Segments } from '../ui/controls.js';
import { Icon, type IconName, Mark } from '../ui/icons.js';
import { useAccess, useMay, useSession } from './session.js';
import { setTheme, type ThemeChoice, useThemeChoice } from './theme.js';

interface Place {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  readonly needs: Permission;
}

const PLACES: readonly Place[] = [
  { path: '/', label: 'Fleet', icon: 'fleet', needs: 'fleet:read' },
  { path: '/provisioning', label: 'Provisioning', icon: 'provision', needs: 'device:provision' },
  { path: '/groups', label: 'Groups', icon: 'groups', needs: 'fleet:read' },
  { path: '/operators', label: 'Operators', icon: 'operators', needs: 'operator:manage' },
  { path: '/tokens', label: 'API tokens', icon: 'tokens', needs: 'token:manage' },
  { path: '/audit', label: 'Audit', icon: 'audit', needs: 'audit:read' },
];

export function Shell({ children }: { readonly children: ReactNode }) {
  const [location] = useLocation();
  const [open, setOpen] = useState(false);
  const may = useMay();
  const { organisation } = useSession();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new place closes the menu
  useEffect(() => setOpen(false), [location]);
  const isHere = (path: string) =>
    path === '/' ? location === '/' || location.startsWith('/vehicles') : location.startsWith(path);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <button
          type="button"
          className="button button-quiet button-icon bar-menu"
          aria-label="Menu"
          aria-expanded={open}
          aria-controls="places"
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? 'close' : 'menu'} />
        </button>
        <Link href="/" className="brand">
          <Mark />
          <span className="brand-name">Corridor</span>
          <span className="brand-org">{organisation.name}</span>
        </Link>
        <nav id="places" className={open ? 'places places-open' : 'places'} aria-label="Main">
          {PLACES.filter(({ needs }) => may(needs)).map(({ path, label, icon }) => (
            <Link
              key={path}
              href={path}
              className={isHere(path) ? 'place place-here' : 'place'}
              aria-current={isHere(path) ? 'page' : undefined}
            >
              <Icon name={icon} />
              {label}
            </Link>
          ))}
        </nav>
        <FeedLight />
        <AccountMenu />
      </header>
      <FeedBanner />
      <main id="main" className="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** One glance: is what I see happening now? */
function FeedLight() {
  useGatewayNow();
  const view = useFeed((feed) => feed);
  const word = isCurrent(view)
    ? view.status.mode === 'polling'
      ? 'Polling'
      : 'Live'
    : view.fleet === null
      ? 'Connecting'
      : 'Not live';
  const tone = word === 'Live' ? 'live' : word === 'Polling' ? 'stale' : word === 'Connecting' ? 'never' : 'unknown';
  return (
    <span
      className={`feed-light feed-light-${tone}`}
      title={
        view.fleet === null
          ? undefined
          : `Gateway's clock in the last message: ${new Date(view.fleet.gatewayMs).toISOString()}`
      }
    >
      <span className="feed-dot" aria-hidden="true" />
      {word}
    </span>
  );
}

/** Says it in words when what the page shows is not what is happening. */
function FeedBanner() {
  useGatewayNow();
  const view = useFeed((feed) => feed);
  const { status, fleet } = view;
  if (status.mode === 'refused') {
    return (
      <Banner
        tone="bad"
        action={
          <Button small onClick={() => location.reload()}>
            Reload
          </Button>
        }
      >
        The gateway speaks another version than this page ({status.reason}).
      </Banner>
    );
  }
  if (status.mode === 'polling' && isCurrent(view)) {
    return (
      <Banner
        tone="warn"
        action={
          <Button small onClick={fleetStore.retryNow}>
            Try the live feed
          </Button>
        }
      >
        {status.reason}. This page asks for the fleet every 5 seconds instead, so what you see may be 5 seconds old.
      </Banner>
    );
  }
  const ageMs = fleet === null ? 0 : performance.now() - fleet.receivedAtMs;
  if (fleet === null ? status.mode === 'waiting' : !isCurrent(view) && ageMs > 3_000) {
    const retryIn = status.mode === 'waiting' ? Math.max(0, status.retryAtMs - performance.now()) : 0;
    return (
      <Banner
        tone="bad"
        action={
          <Button small onClick={fleetStore.retryNow}>
            Try now
          </Button>
        }
      >
        <strong>
          {fleet === null
            ? 'No connection to the gateway.'
            : `Connection lost: everything below is ${shortAge(ageMs)} old.`}
        </strong>{' '}
        {status.mode === 'waiting' && retryIn > 900 ? `Next try in ${shortAge(retryIn)}.` : 'Trying again…'} Vehicles
        keep their tunnels without this page.
      </Banner>
    );
  }
  return null;
}

function Banner({
  tone,
  children,
  action,
}: {
  readonly tone: 'warn' | 'bad';
  readonly children: ReactNode;
  readonly action: ReactNode;
}) {
  return (
    <div className={`banner banner-${tone}`} role="status">
      <Icon name="warn" />
      <p>{children}</p>
      {action}
    </div>
  );
}

const THEMES: readonly { readonly value: ThemeChoice; readonly label: string; readonly icon: IconName }[] = [
  { value: 'system', label: 'System', icon: 'screen' },
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
];

function AccountMenu() {
  const { operator } = useSession();
  const { logOut } = useAccess();
  const theme = useThemeChoice();
  const details = useRef<HTMLDetailsElement>(null);
  const [location] = useLocation();
  const close = useCallback(() => details.current?.removeAttribute('open'), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new place closes the menu
  useEffect(close, [location, close]);
  useEffect(() => {
    const outside = (event: Event) => details.current?.contains(event.target as Node) === false && close();
    const onEscape = (event: KeyboardEvent) => event.key === 'Escape' && close();
    document.addEventListener('pointerdown', outside);
    document.addEventListener('keydown', onEscape);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('keydown', onEscape);
    };
  }, [close]);
  return (
    <details className="account" ref={details}>
      <summary className="account-button" aria-label={`Account of ${operator.name}`}>
        <span className="avatar" aria-hidden="true">
          {operator.name.slice(0, 1).toUpperCase()}
        </span>
      </summary>
      <div className="account-panel">
        <p className="account-name">{operator.name}</p>
        <p className="account-role">
          {operator.username}, {operator.role}
        </p>
        <Segments label="Colours" value={theme} options={THEMES} onChange={setTheme} />
        <Link href="/account" className="account-item">
          <Icon name="session" /> Change password
        </Link>
        <button type="button" className="account-item" onClick={() => void logOut()}>
          <Icon name="out" /> Log out
        </button>
      </div>
    </details>
  );
}
