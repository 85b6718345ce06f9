import type { ChannelStatus, DirectionMetrics, LinkStatus, Liveness, LiveVehicle, Source } from '@corridor/contracts';

/** `unknown`: the console itself has lost touch with the gateway and claims nothing. */
export type ShownState = Liveness | 'unknown';

/** What may be said of a channel: nothing is called live by a feed that is not current. */
export function shownState(channel: ChannelStatus, feedIsCurrent: boolean): ShownState {
  return feedIsCurrent || channel.state === 'never' ? channel.state : 'unknown';
}

/** The order in which a dispatcher wants to see them: trouble first. */
export const TROUBLE_ORDER: readonly ShownState[] = ['offline', 'stale', 'unknown', 'live', 'never'];

/** One direction of a link, in the vehicle's terms. */
export interface Direction {
  readonly lossRatio: number;
  readonly rateBps: number;
  readonly jitterUs: number;
  readonly delayVariationUs: number;
}

export interface LinkView {
  readonly name: string;
  /** The end whose figures these are: the vehicle's, and the gateway's when the vehicle has not reported. */
  readonly source: Source | null;
  /** Its datagrams go over WebSocket and TLS, as UDP got nowhere. */
  readonly overTls: boolean;
  readonly state: string | null;
  readonly reason: string | null;
  /** The gateway's state where it differs from the vehicle's. */
  readonly otherState: string | null;
  readonly blocked: boolean;
  readonly metered: boolean;
  readonly roaming: boolean;
  readonly capReached: boolean;
  /** Share of the data cap that is used, 0 to 1 and beyond; null without one. */
  readonly capUsed: number | null;
  readonly rttUs: number | null;
  readonly up: Direction | null;
  readonly down: Direction | null;
  /** Classes that use this link first. */
  readonly activeFor: readonly string[];
}

export function linkViews(vehicle: LiveVehicle, prefer: Source = 'vehicle'): LinkView[] {
  return vehicle.status.links.map((link) => linkView(link, vehicle, prefer));
}

function linkView(link: LinkStatus, vehicle: LiveVehicle, prefer: Source): LinkView {
  const source =
    link[prefer] !== null ? prefer : link.vehicle !== null ? 'vehicle' : link.gateway !== null ? 'gateway' : null;
  const path = source === null ? null : link[source];
  const other = source === 'vehicle' ? link.gateway : link.vehicle;
  return {
    name: link.name,
    source,
    overTls: path?.kind === 'tls',
    state: path?.state ?? null,
    reason: path?.reason ?? null,
    otherState: other !== null && path !== null && other.state !== path.state ? other.state : null,
    blocked: link.vehicle?.blocked === true || link.gateway?.blocked === true,
    metered: link.vehicle?.metered === true,
    roaming: link.vehicle?.roaming === true,
    capReached: link.vehicle?.capReached === true,
    capUsed: capUsed(link.vehicle),
    rttUs: path?.rttUs ?? null,
    up: direction(source === 'gateway' ? path?.receive : path?.send),
    down: direction(source === 'gateway' ? path?.send : path?.receive),
    activeFor: vehicle.status.classes.filter(({ paths }) => paths[0] === link.name).map(({ name }) => name),
  };
}

function capUsed(path: LinkStatus['vehicle']): number | null {
  if (path?.usedBytes === undefined || !path.capBytes) return null;
  return path.usedBytes / path.capBytes;
}

function direction(metrics: DirectionMetrics | undefined): Direction | null {
  if (metrics === undefined) return null;
  const { lossRatio, rateBps, jitterUs, delayVariationUs } = metrics;
  return { lossRatio, rateBps, jitterUs, delayVariationUs };
}

/** Interface of a path: a path over TLS has its uplink's name and "/tls" behind it. */
export function uplinkOf(path: string): string {
  return path.replace(/\/tls$/, '');
}

/** What people call a path: its uplink's operator, else label, else the interface's name; and what else it goes over. */
export function linkTitle(vehicle: LiveVehicle, name: string): string {
  const interfaceName = uplinkOf(name);
  const uplink = vehicle.uplinks.find((candidate) => candidate.name === interfaceName);
  const title = uplink?.operator || uplink?.label;
  if (!title) return name;
  return interfaceName === name ? title : `${title} (TLS)`;
}

/** Longest of both: for columns that show one figure. */
export function worstLoss({ up, down }: LinkView): number | null {
  if (up === null && down === null) return null;
  return Math.max(up?.lossRatio ?? 0, down?.lossRatio ?? 0);
}
