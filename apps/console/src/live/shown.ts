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

/** What people call an uplink: its operator, else its label, else the interface's name. */
export function linkTitle(vehicle: LiveVehicle, name: string): string {
  const uplink = vehicle.uplinks.find((candidate) => candidate.name === name);
  return uplink?.operator || uplink?.label || name;
}

/** Longest of both: for columns that show one figure. */
export function worstLoss({ up, down }: LinkView): number | null {
  if (up === null && down === null) return null;
  return Math.max(up?.lossRatio ?? 0, down?.lossRatio ?? 0);
}
