import type { DeviceState } from '@corridor/contracts';
import { useEffect } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { Button } from '../../ui/controls.js';
import { Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

/** Every claim of a vehicle and what became of it; the secrets are gone. */
export function ClaimList({
  vehicleId,
  newest,
  deviceState,
}: {
  readonly vehicleId: string;
  /** Another one: the list is loaded again. */
  readonly newest: string | null;
  readonly deviceState: DeviceState | null;
}) {
  const claims = useResource(`claims ${vehicleId}`, () => gateway.claimsOf(vehicleId));
  const { busy, error, run } = useAction();
  const { reload } = claims;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new claim or a new device state changes the list
  useEffect(() => reload(), [newest, deviceState]);
  if (claims.error !== null) return <Notice kind="error">{claims.error}</Notice>;
  if (claims.data === null || claims.data.length === 0) return null;
  return (
    <div className="table-scroll claims">
      <table className="table">
        <caption>Claims of this vehicle</caption>
        <thead>
          <tr>
            <th>Made</th>
            <th>By</th>
            <th>State</th>
            <th>Expires</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {claims.data.map((claim) => (
            <tr key={claim.id}>
              <td>
                <Moment at={claim.createdAt} />
              </td>
              <td>{claim.createdBy}</td>
              <td>{claim.state}</td>
              <td>
                <Moment at={claim.expiresAt} />
              </td>
              <td className="actions">
                {claim.state === 'open' && (
                  <Button small busy={busy} onClick={() => void run(() => gateway.revokeClaim(claim.id)).then(reload)}>
                    Withdraw
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {error !== null && <Notice kind="error">{error}</Notice>}
    </div>
  );
}
