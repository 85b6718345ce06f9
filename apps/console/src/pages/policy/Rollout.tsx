import type { LiveVehicle, PolicyRevision, PolicyState } from '@corridor/contracts';
import { useEffect, useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { LayerScope } from '../../api/gateway.js';
import { elapsed } from '../../format/time.js';
import { useFeed } from '../../live/store.js';
import { Notice } from '../../ui/feedback.js';
import { PolicyPill } from '../../ui/status.js';

/** The vehicles that a layer reaches. */
export function reachedBy(vehicles: Iterable<LiveVehicle>, scope: LayerScope, id: string): LiveVehicle[] {
  return [...vehicles].filter(
    (vehicle) =>
      vehicle.device !== null &&
      (scope === 'organisation' || (scope === 'group' ? vehicle.group?.id === id : vehicle.id === id)),
  );
}

/** How far a push is: vehicles by state of their target. */
export function tally(vehicles: readonly LiveVehicle[]): Readonly<Record<PolicyState, number>> {
  const counts = { none: 0, pending: 0, received: 0, applied: 0, rejected: 0, reverted: 0 };
  for (const { status } of vehicles) counts[status.policy.state]++;
  return counts;
}

/** Targets by vehicle before the save: a vehicle whose target is still the same has got nothing new. */
export function targetsOf(vehicles: readonly LiveVehicle[]): ReadonlyMap<string, number> {
  return new Map(vehicles.map(({ id, status }) => [id, status.policy.target]));
}

export interface Saved {
  readonly revision: PolicyRevision;
  /** Monotonic, when the save began. */
  readonly atMs: number;
  readonly targetsBefore: ReadonlyMap<string, number>;
}

/** Follows a saved layer to the vehicles: who has it, who has not answered yet, who refused. */
export function Rollout({
  scope,
  id,
  saved,
}: {
  readonly scope: LayerScope;
  readonly id: string;
  readonly saved: Saved;
}) {
  const vehicles = useFeed(({ fleet }) => fleet?.vehicles);
  const reached = useMemo(() => reachedBy(vehicles?.values() ?? [], scope, id), [vehicles, scope, id]);
  const issued = reached.filter((vehicle) => vehicle.status.policy.target !== saved.targetsBefore.get(vehicle.id));
  const counts = tally(issued);
  const isDone = issued.length > 0 && counts.applied === issued.length;
  const [tookMs, setTookMs] = useState<number | null>(null);
  useEffect(() => {
    setTookMs(isDone ? performance.now() - saved.atMs : null);
  }, [isDone, saved]);
  const waiting = issued.filter(({ status }) => status.policy.state !== 'applied');
  const kind = isDone ? 'good' : counts.rejected + counts.reverted > 0 ? 'error' : 'info';
  return (
    <div className="rollout">
      <Notice kind={kind}>
        Saved as version {saved.revision.version}. {sentence(reached.length, issued.length, counts.applied)}
        {isDone && tookMs !== null && ` The last answer came ${elapsed(tookMs)} after the save.`}
      </Notice>
      {waiting.length > 0 && (
        <ul className="rollout-list">
          {waiting.slice(0, 12).map((vehicle) => (
            <li key={vehicle.id}>
              <Link href={`/vehicles/${vehicle.id}?tab=policy`}>{vehicle.name}</Link>
              <PolicyPill policy={vehicle.status.policy} />
              <span className="quiet">{whyWaiting(vehicle)}</span>
            </li>
          ))}
          {waiting.length > 12 && <li className="quiet">and {waiting.length - 12} more</li>}
        </ul>
      )}
    </div>
  );
}

function sentence(reached: number, issued: number, applied: number): string {
  if (reached === 0) return 'No vehicle with a device is reached by it yet.';
  if (issued === 0) return 'No vehicle has been issued another policy by it so far.';
  return `Applied on ${applied} of ${issued} ${issued === 1 ? 'vehicle' : 'vehicles'} whose policy it changed.`;
}

function whyWaiting({ status: { policy, control } }: LiveVehicle): string {
  if (policy.reason !== '') return policy.reason;
  return control.state === 'live' ? 'no answer yet' : `control channel ${control.state}: gets it when it returns`;
}
