import type { Permission } from '@corridor/contracts';
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';

/** Who may use a route. A route that declares nothing refuses everybody. */
export type Access =
  | { readonly kind: 'permissions'; readonly permissions: readonly Permission[] }
  | { readonly kind: 'any-operator' }
  | { readonly kind: 'device' }
  | { readonly kind: 'public' };

export const ACCESS = 'corridor:access';

/** Operators who have all of these permissions, by session or API token. */
export const RequirePermission = (...permissions: [Permission, ...Permission[]]) =>
  applyDecorators(
    SetMetadata(ACCESS, { kind: 'permissions', permissions } satisfies Access),
    ApiSecurity('session'),
    ApiSecurity('token'),
    ApiExtension('x-permissions', permissions),
  );

/** Every operator who is logged in, whatever the role. */
export const AnyOperator = () =>
  applyDecorators(
    SetMetadata(ACCESS, { kind: 'any-operator' } satisfies Access),
    ApiSecurity('session'),
    ApiSecurity('token'),
  );

/** Devices with an access token of their own; no operators. */
export const DeviceRoute = () =>
  applyDecorators(SetMetadata(ACCESS, { kind: 'device' } satisfies Access), ApiSecurity('device'));

/** Everybody, without any proof: login, health, and requests that bring their own proof (claims, challenges). */
export const Public = () => SetMetadata(ACCESS, { kind: 'public' } satisfies Access);

export const WITHOUT_DATABASE = 'corridor:without-database';

/** Answers also while the database is away; every other route is refused at once then. */
export const WithoutDatabase = () => SetMetadata(WITHOUT_DATABASE, true);
