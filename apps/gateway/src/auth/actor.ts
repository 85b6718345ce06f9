import type { Permission, Role } from '@corridor/contracts';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Author } from '../store/audit-writer.js';

/** An operator, by session (console) or by API token; `permissions` are what counts, not the role. */
export interface OperatorActor {
  readonly kind: 'operator';
  readonly operatorId: string;
  readonly username: string;
  readonly organisationId: string;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** SHA-256 of the session's cookie in hex, or the id of the API token. */
  readonly credential: { readonly kind: 'session' | 'token'; readonly id: string };
}

export interface DeviceActor {
  readonly kind: 'device';
  readonly deviceId: string;
  readonly vehicleId: string;
}

/** The gateway by itself: start-up, expiry, clean-up. */
export interface SystemActor {
  readonly kind: 'system';
}

/** Who did it. */
export type Actor = OperatorActor | DeviceActor | SystemActor;

export const SYSTEM: SystemActor = { kind: 'system' };

/** As the audit log and `createdBy` columns write it: username, device id, or "system". */
export function actorName(actor: Actor): string {
  if (actor.kind === 'operator') return actor.username;
  return actor.kind === 'device' ? actor.deviceId : 'system';
}

/** An operator as the author of changes, for repositories that write the audit log in their own transaction. */
export function authorOf(actor: OperatorActor): Author {
  return { organisationId: actor.organisationId, name: actor.username };
}

/** A request after the guard; `actor` is missing on public routes only. */
export interface RequestWithActor {
  actor?: Actor;
}

/**
 * The actor of the request: `OperatorActor` on routes with `@RequirePermission` or `@AnyOperator`, `DeviceActor` on
 * routes with `@DeviceRoute`. The guard has made sure of it.
 */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<RequestWithActor>();
  if (actor === undefined) throw new Error('a public route has no actor');
  return actor;
});
