import {
  canonicalJson,
  type IssuedPolicy,
  type LiveVehicle,
  type PolicySource,
  type Steering,
  type VehiclePolicy,
} from '@corridor/contracts';
import { useEffect, useState } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useMay, useSession } from '../../app/session.js';
import { Button } from '../../ui/controls.js';
import { Empty, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';
import { classText } from './draft.js';
import { LayerEditor } from './LayerEditor.js';
import { PushSteps } from './PushSteps.js';
import { worthText } from './worth.js';

/** Target and applied side by side, the form that changes them, and what became of every version. */
export function PolicyTab({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const { policy } = vehicle.status;
  const may = useMay();
  const current = useResource(`policy ${vehicle.id}`, () => gateway.vehiclePolicy(vehicle.id));
  const history = useResource(`issued ${vehicle.id}`, () => gateway.policyHistory(vehicle.id));
  const [editing, setEditing] = useState(false);
  const reloads = [current.reload, history.reload];
  const step = `${policy.target} ${policy.applied} ${policy.state} ${policy.at}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the feed says that the policy moved on; REST has the details
  useEffect(() => {
    for (const reload of reloads) reload();
  }, [step]);

  if (current.error !== null && current.data === null) return <Notice kind="error">{current.error}</Notice>;
  if (current.data === null) return <Loading what="the policy" />;
  const { target, applied, setBy } = current.data;
  return (
    <div className="policy">
      <section className="panel" aria-labelledby="policy-title">
        <header className="panel-head">
          <h2 id="policy-title">Target and applied</h2>
          <div className="panel-tools">
            {may('policy:write') && target !== null && <Reissue vehicleId={vehicle.id} />}
            {may('policy:write') && !editing && (
              <Button kind="primary" small icon="edit" onClick={() => setEditing(true)}>
                Change policy
              </Button>
            )}
          </div>
        </header>
        {target === null ? (
          <Empty icon="policy" title="No policy has been issued yet.">
            The first one goes out when the vehicle's device has enrolled.
          </Empty>
        ) : (
          <>
            <PushSteps issued={target} />
            <Comparison policy={current.data} vehicle={vehicle} />
            {applied !== null && applied.version !== target.version && target.state === 'reverted' && (
              <Notice kind="warning">
                The vehicle went back to version {applied.version} by itself: {target.reason}
              </Notice>
            )}
          </>
        )}
      </section>
      {editing && (
        <LayerEditor
          vehicle={vehicle}
          inherited={target?.policy.classes.map(({ name }) => name) ?? []}
          setBy={setBy}
          onClose={() => setEditing(false)}
        />
      )}
      <IssuedHistory issued={history.data ?? []} error={history.error} />
    </div>
  );
}

function Reissue({ vehicleId }: { readonly vehicleId: string }) {
  const { busy, error, run } = useAction();
  return (
    <>
      {error !== null && <span className="field-error">{error}</span>}
      <Button
        small
        icon="restore"
        busy={busy}
        title="Signs and sends the same policy as a new version"
        onClick={() => void run(() => gateway.reissuePolicy(vehicleId))}
      >
        Send again
      </Button>
    </>
  );
}

interface Row {
  readonly name: string;
  readonly match: string;
  readonly target: Steering | undefined;
  readonly applied: Steering | undefined;
}

function rowsOf(target: IssuedPolicy, applied: IssuedPolicy | null): Row[] {
  const classes = [
    ...target.policy.classes,
    ...(applied?.policy.classes ?? []).filter(({ name }) => !target.policy.classes.some((item) => item.name === name)),
  ];
  return [
    ...classes.map((item) => ({
      name: item.name,
      match: classText(item),
      target: target.policy.classes.find(({ name }) => name === item.name),
      applied: applied?.policy.classes.find(({ name }) => name === item.name),
    })),
    { name: 'default', match: 'everything else', target: target.policy.default, applied: applied?.policy.default },
  ];
}

function Comparison({
  policy: { target, applied, setBy },
  vehicle,
}: {
  readonly policy: VehiclePolicy;
  readonly vehicle: LiveVehicle;
}) {
  if (target === null) return null;
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>Class</th>
            <th>Traffic</th>
            <th>Target v{target.version}</th>
            <th>Applied {applied === null ? '' : `v${applied.version}`}</th>
            <th>Set by</th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(target, applied).map(({ name, match, target: wanted, applied: inForce }) => {
            const differs = applied !== null && steering(wanted) !== steering(inForce);
            return (
              <tr key={name} className={differs ? 'differs' : undefined}>
                <th scope="row">{name}</th>
                <td className="wrap">{match}</td>
                <td>{wanted === undefined ? 'removed' : <Strategy steering={wanted} />}</td>
                <td>
                  {applied === null ? (
                    'never said'
                  ) : inForce === undefined ? (
                    'not there'
                  ) : (
                    <Strategy steering={inForce} />
                  )}
                </td>
                <td>
                  <SetBy source={setBy[name]} vehicle={vehicle} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function steering(value: Steering | undefined): string {
  if (value === undefined) return '';
  const { strategy, options = {}, ...rest } = value;
  return `${strategy} ${canonicalJson(options)} ${worthText(rest)}`;
}

function Strategy({ steering: { strategy, options, ...rest } }: { readonly steering: Steering }) {
  const entries = Object.entries(options ?? {});
  const worth = worthText(rest);
  return (
    <>
      <span className="strategy">{strategy}</span>
      {worth !== '' && <span className="worth-text">{worth}</span>}
      {entries.length > 0 && (
        <span className="options">{entries.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(', ')}</span>
      )}
    </>
  );
}

function SetBy({ source, vehicle }: { readonly source: PolicySource | undefined; readonly vehicle: LiveVehicle }) {
  const { organisation } = useSession();
  if (source === undefined) return <>–</>;
  if (source.scope === 'built-in') return <>built in</>;
  const name =
    source.scope === 'vehicle'
      ? vehicle.name
      : source.scope === 'group'
        ? (vehicle.group?.name ?? 'group')
        : organisation.name;
  return (
    <>
      {source.scope} {name}, v{source.version}
    </>
  );
}

const OUTCOME_TONE: Readonly<Record<string, string>> = { applied: 'live', rejected: 'offline', reverted: 'stale' };

function IssuedHistory({ issued, error }: { readonly issued: readonly IssuedPolicy[]; readonly error: string | null }) {
  return (
    <section className="panel" aria-labelledby="issued-title">
      <header className="panel-head">
        <h2 id="issued-title">Issued versions</h2>
      </header>
      {error !== null && <Notice kind="error">{error}</Notice>}
      {issued.length === 0 ? (
        <p className="quiet">None yet.</p>
      ) : (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th className="number">Version</th>
                <th>Outcome</th>
                <th>Issued</th>
                <th>Received</th>
                <th>Settled</th>
                <th>Reason</th>
                <th>Digest</th>
              </tr>
            </thead>
            <tbody>
              {[...issued]
                .sort((a, b) => b.version - a.version)
                .map((item) => (
                  <tr key={item.version}>
                    <td className="number">{item.version}</td>
                    <td>
                      <span className={`tone-${OUTCOME_TONE[item.state] ?? 'never'}`}>{item.state}</span>
                    </td>
                    <td>
                      <Moment at={item.issuedAt} />
                    </td>
                    <td>{item.receivedAt === null ? '–' : <Moment at={item.receivedAt} />}</td>
                    <td>{item.settledAt === null ? '–' : <Moment at={item.settledAt} />}</td>
                    <td className="wrap">{item.reason || '–'}</td>
                    <td className="mono" title={item.digest}>
                      {item.digest.slice(0, 10)}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
