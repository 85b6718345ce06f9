import { Injectable } from '@nestjs/common';

/** What a device has to know of this gateway's tunnel. */
export interface TunnelFacts {
  /** X25519, base64. */
  readonly publicKey: string;
  /** "address:port" of the UDP sockets as vehicles reach them. */
  readonly endpoints: readonly string[];
  /** The gateway's overlay address with the length of the overlay, such as "10.77.0.1/16". */
  readonly overlay4: string;
  readonly overlay6: string | null;
  /** What vehicles reach through the tunnel. */
  readonly routes: readonly string[];
}

/** The gateway's end of every tunnel: TunnelHost in this process, its engine in a worker thread of its own. */
@Injectable()
export class TunnelService {
  /** Packets can move. */
  get running(): boolean {
    throw new Error('not here yet');
  }

  facts(): TunnelFacts {
    throw new Error('not here yet');
  }

  /** Takes a vehicle's path out of use at this end, or puts it back. @throws DomainError for an unknown path. */
  setPathBlocked(_vehicleId: string, _path: string, _blocked: boolean): Promise<void> {
    throw new Error('not here yet');
  }
}
