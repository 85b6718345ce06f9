import {
  ApiToken,
  AuditEntry,
  ClaimInfo,
  CreatedApiToken,
  CreatedClaim,
  Device,
  Group,
  IssuedPolicy,
  type LiveSnapshot,
  MAX_PAGE,
  Operator,
  Organisation,
  type PolicyLayer,
  PolicyRevision,
  page,
  RecordedEvent,
  Session,
  type Source,
  StrategyInfo,
  Uplink,
  Vehicle,
  VehicleMetrics,
  VehiclePolicy,
} from '@corridor/contracts';
import { z } from 'zod';
import { call } from './client.js';

/** The gateway's REST API as functions: one line a route. Nothing else in the console knows paths. */

const Nothing = z.unknown();
export type LayerScope = 'organisation' | 'group' | 'vehicle';
type Body = Readonly<Record<string, unknown>>;

function query(values: Readonly<Record<string, string | number | null | undefined>>): string {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}`;
}

/** All pages of a list, up to `most` items. */
async function all<T>(item: z.ZodType<T>, path: string, most = 10_000): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const next: { items: T[]; nextCursor: string | null } = await call(
      page(item) as z.ZodType<{ items: T[]; nextCursor: string | null }>,
      'GET',
      `${path}${query({ limit: MAX_PAGE, cursor })}`,
    );
    items.push(...next.items);
    cursor = next.nextCursor;
  } while (cursor !== null && items.length < most);
  return items;
}

/** Lists that are short by nature may come as pages or as plain arrays. */
function listOf<T extends z.ZodType>(item: T) {
  return z.union([z.array(item), page(item).transform(({ items }) => items as z.infer<T>[])]);
}

// session
export const session = () => call(Session, 'GET', 'session');
export const logIn = (username: string, password: string) =>
  call(Nothing, 'POST', 'session', { body: { username, password } });
export const logOut = () => call(Nothing, 'DELETE', 'session');
export const changePassword = (current: string, next: string) =>
  call(Nothing, 'PUT', 'session/password', { body: { current, next } });

// fleet
export const organisation = () => call(Organisation, 'GET', 'organisation');
export const updateOrganisation = (body: Body) => call(Organisation, 'PATCH', 'organisation', { body });
export const groups = () => all(Group, 'groups');
export const createGroup = (body: Body) => call(Group, 'POST', 'groups', { body });
export const updateGroup = (id: string, body: Body) => call(Group, 'PATCH', `groups/${id}`, { body });
export const deleteGroup = (id: string) => call(Nothing, 'DELETE', `groups/${id}`);
export const createVehicle = (body: Body) => call(Vehicle, 'POST', 'vehicles', { body });
export const updateVehicle = (id: string, body: Body) => call(Vehicle, 'PATCH', `vehicles/${id}`, { body });
export const archiveVehicle = (id: string) => call(Nothing, 'DELETE', `vehicles/${id}`);
export const putUplink = (vehicleId: string, name: string, body: Body) =>
  call(z.union([Uplink, Vehicle]), 'PUT', `vehicles/${vehicleId}/uplinks/${encodeURIComponent(name)}`, { body });
export const deleteUplink = (vehicleId: string, name: string) =>
  call(Nothing, 'DELETE', `vehicles/${vehicleId}/uplinks/${encodeURIComponent(name)}`);
export const devicesOf = (vehicleId: string) =>
  call(listOf(Device), 'GET', `devices${query({ vehicleId, limit: MAX_PAGE })}`);

// provisioning
export const claimsOf = (vehicleId: string) => call(listOf(ClaimInfo), 'GET', `vehicles/${vehicleId}/claims`);
export const createClaim = (vehicleId: string, expiresInSeconds: number) =>
  call(CreatedClaim, 'POST', `vehicles/${vehicleId}/claims`, { body: { expiresInSeconds } });
export const revokeClaim = (id: string) => call(Nothing, 'DELETE', `claims/${id}`);
export const approveDevice = (id: string) => call(Nothing, 'POST', `devices/${id}/approve`);
export const revokeDevice = (id: string, reason: string) =>
  call(Nothing, 'POST', `devices/${id}/revoke`, { body: { reason } });

// policy
export const layer = (scope: LayerScope, id: string) => call(PolicyRevision, 'GET', `policies/${scope}/${id}`);
export const layerHistory = (scope: LayerScope, id: string) =>
  call(listOf(PolicyRevision), 'GET', `policies/${scope}/${id}/history`);
export const putLayer = (
  scope: LayerScope,
  id: string,
  body: { readonly layer: PolicyLayer; readonly baseVersion: number; readonly comment: string },
) => call(PolicyRevision, 'PUT', `policies/${scope}/${id}`, { body });
export const vehiclePolicy = (id: string) => call(VehiclePolicy, 'GET', `vehicles/${id}/policy`);
export const policyHistory = (id: string) => call(listOf(IssuedPolicy), 'GET', `vehicles/${id}/policy/history`);
export const reissuePolicy = (id: string) => call(Nothing, 'POST', `vehicles/${id}/policy/reissue`);
export const strategies = () => call(listOf(StrategyInfo), 'GET', 'strategies');

// telemetry
export const metrics = (
  vehicleId: string,
  fromMs: number,
  toMs: number,
  source: Source,
  points: number,
  signal?: AbortSignal,
) =>
  call(
    VehicleMetrics,
    'GET',
    `vehicles/${vehicleId}/metrics${query({ from: iso(fromMs), to: iso(toMs), source, points })}`,
    signal === undefined ? {} : { signal },
  );
/** Newest first, as the gateway pages them. */
export const events = (filter: {
  vehicleId?: string;
  type?: string;
  from?: string;
  to?: string;
  cursor?: string;
  limit?: number;
}) => call(page(RecordedEvent), 'GET', `events${query(filter)}`);

// drills
export const drill = (vehicleId: string, link: string, action: 'cut' | 'restore') =>
  call(Nothing, 'POST', `vehicles/${vehicleId}/links/${encodeURIComponent(link)}/drill`, { body: { action } });
export const setBlocked = (vehicleId: string, link: string, blocked: boolean) =>
  call(Nothing, 'PUT', `vehicles/${vehicleId}/links/${encodeURIComponent(link)}/blocked`, { body: { blocked } });

// administration
export const operators = () => all(Operator, 'operators');
export const createOperator = (body: Body) => call(Operator, 'POST', 'operators', { body });
export const updateOperator = (id: string, body: Body) => call(Operator, 'PATCH', `operators/${id}`, { body });
export const tokens = () => all(ApiToken, 'tokens');
export const createToken = (body: Body) => call(CreatedApiToken, 'POST', 'tokens', { body });
export const deleteToken = (id: string) => call(Nothing, 'DELETE', `tokens/${id}`);
export const audit = (cursor: string | null) => call(page(AuditEntry), 'GET', `audit${query({ limit: 100, cursor })}`);

// map
export const baseMap = (url: string): Promise<unknown> => call(z.unknown(), 'GET', url.replace(/^\/?api\/v1\//, ''));

/** The fleet by REST, for the time when no WebSocket gets through; the gateway's clock is in the answer's `Date`. */
export async function pollFleet(): Promise<LiveSnapshot> {
  let now = new Date();
  const [vehicles, recent] = await Promise.all([
    all(Vehicle, 'vehicles'),
    call(page(RecordedEvent), 'GET', `events${query({ limit: 100 })}`, {
      onDate: (date) => {
        now = date;
      },
    }),
  ]);
  const events = [...recent.items].sort((a, b) => (a.at < b.at ? -1 : 1));
  return { kind: 'live-snapshot', v: 1, seq: 0, now: now.toISOString(), vehicles, events };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
