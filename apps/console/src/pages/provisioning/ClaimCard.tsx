import type { CreatedClaim, Device, LiveVehicle } from '@corridor/contracts';
import { Link } from 'wouter';
import * as gateway from '../../api/gateway.js';
import { useAction } from '../../api/use-resource.js';
import { duration } from '../../format/time.js';
import { useGatewayNow } from '../../live/store.js';
import { Button } from '../../ui/controls.js';
import { CopyButton, Notice } from '../../ui/feedback.js';
import { Icon } from '../../ui/icons.js';

interface Props {
  readonly claim: CreatedClaim;
  readonly vehicle: LiveVehicle;
  /** The device that enrolled since the claim was made. */
  readonly enrolled: Device | null;
  readonly onAgain: () => void;
}

/** The claim as QR code and command, shown once, and what came of it. */
export function ClaimCard({ claim, vehicle, enrolled, onAgain }: Props) {
  const now = useGatewayNow();
  const leftMs = Date.parse(claim.expiresAt) - now;
  if (enrolled !== null) return <Enrolled device={enrolled} vehicle={vehicle} />;
  if (leftMs <= 0) {
    return (
      <Notice
        kind="warning"
        action={
          <Button small onClick={onAgain}>
            Make another
          </Button>
        }
      >
        The claim has expired unused.
      </Notice>
    );
  }
  return (
    <div className="claim">
      <img
        className="claim-qr"
        src={`data:image/svg+xml;utf8,${encodeURIComponent(claim.qrSvg)}`}
        alt="QR code of the claim"
      />
      <div className="claim-text">
        <p>Run this on the Pi; the QR code carries the same to wherever it is needed:</p>
        <div className="command">
          <code>{claim.command}</code>
          <CopyButton text={claim.command} label="Copy the command" />
        </div>
        <Notice kind="warning">
          It is shown only now: the gateway keeps no copy of it. Whoever has it can enrol as {vehicle.name}.
        </Notice>
        <p className="claim-wait" role="status">
          <span className="spinner" aria-hidden="true" />
          Waiting for the device. <span className="quiet">The claim is good for another {duration(leftMs)}.</span>
        </p>
      </div>
    </div>
  );
}

function Enrolled({ device, vehicle }: { readonly device: Device; readonly vehicle: LiveVehicle }) {
  const { busy, error, run } = useAction();
  const tunnel = vehicle.status.tunnel;
  return (
    <div className="enrolled" role="status">
      <span
        className={device.state === 'active' ? 'enrolled-mark' : 'enrolled-mark enrolled-pending'}
        aria-hidden="true"
      >
        <Icon name={device.state === 'active' ? 'check' : 'operators'} size={26} />
      </span>
      <div>
        <h3>
          {device.state === 'pending' ? 'The device has enrolled and waits for approval.' : 'The device has enrolled.'}
        </h3>
        <p className="quiet">
          {device.hostname}, {device.model}, agent {device.agentVersion}
        </p>
        <p className="quiet mono break">Identity {device.identityKeyThumbprint}</p>
        {error !== null && <Notice kind="error">{error}</Notice>}
        {device.state === 'pending' && (
          <Button
            kind="primary"
            icon="check"
            busy={busy}
            onClick={() => void run(() => gateway.approveDevice(device.id))}
          >
            Approve
          </Button>
        )}
        {device.state === 'active' && (
          <p>
            {tunnel.state === 'live' ? `Its tunnel is live: ${tunnel.why}. ` : 'Its tunnel will stand in a moment. '}
            <Link href={`/vehicles/${vehicle.id}`}>Open {vehicle.name}</Link>
          </p>
        )}
      </div>
    </div>
  );
}
