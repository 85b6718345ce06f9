import type { IssuedPolicy } from '@corridor/contracts';
import { elapsed } from '../../format/time.js';
import { Icon } from '../../ui/icons.js';
import { Age, Moment } from '../../ui/status.js';

interface Step {
  readonly name: string;
  readonly at: string | null;
  readonly tone: 'done' | 'waiting' | 'bad' | 'ahead';
}

/** The way of one version: issued, received, applied; or what came instead of it. */
export function pushSteps({ issuedAt, receivedAt, settledAt, state }: IssuedPolicy): Step[] {
  const isSettled = state === 'applied' || state === 'rejected' || state === 'reverted';
  const receivedTone = receivedAt !== null || isSettled ? 'done' : 'waiting';
  const last: Step = {
    name: isSettled ? state : 'applied',
    at: settledAt,
    tone: state === 'applied' ? 'done' : isSettled ? 'bad' : state === 'received' ? 'waiting' : 'ahead',
  };
  return [
    { name: 'issued', at: issuedAt, tone: 'done' },
    { name: 'received', at: receivedAt, tone: receivedTone },
    last,
  ];
}

export function PushSteps({ issued }: { readonly issued: IssuedPolicy }) {
  const steps = pushSteps(issued);
  return (
    <div className="push" role="status" aria-label={`Version ${issued.version}: ${issued.state}`}>
      <p className="push-version">Version {issued.version}</p>
      <ol className="push-steps">
        {steps.map(({ name, at, tone }) => (
          <li key={name} className={`push-step push-${tone}`}>
            <span className="push-mark" aria-hidden="true">
              {tone === 'done' && <Icon name="check" size={13} />}
              {tone === 'bad' && <Icon name="close" size={13} />}
            </span>
            <span className="push-name">{name}</span>
            <span className="push-time">
              {at !== null ? (
                <>
                  <Moment at={at} millis />
                  {name !== 'issued' && (
                    <span className="push-after">+{elapsed(Date.parse(at) - Date.parse(issued.issuedAt))}</span>
                  )}
                </>
              ) : (
                tone === 'waiting' && <Age at={issued.issuedAt} prefix="waiting for " />
              )}
            </span>
          </li>
        ))}
      </ol>
      {issued.reason !== '' && <p className="push-reason">{issued.reason}</p>}
    </div>
  );
}
