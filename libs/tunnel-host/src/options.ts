import type { CipherId, GatewayVehicle, TunnelPolicy } from '@corridor/tunnel';
import type { UsageStore } from './conditions/usage-store.js';

/** The TUN device that the host creates, configures and takes away again. */
export interface TunOptions {
  /** Interface name, at most 15 characters. */
  readonly name: string;
  /** Largest inner packet, bytes. */
  readonly mtu: number;
  /** Own addresses with their prefix, such as "10.77.0.2/24" or "fd77::2/64". */
  readonly addresses: readonly string[];
  /** Prefixes that are reached through the tunnel. `0.0.0.0/0` and `::/0` become two halves each. */
  readonly routes: readonly string[];
  /** Packets that the kernel may queue towards the tunnel. Default 4096: the kernel's 500 is short. */
  readonly queueLength?: number;
  /** Large segments between kernel and tunnel (TSO/USO). Default true; false for kernels that get it wrong. */
  readonly offload?: boolean;
}

/** One uplink of a vehicle, or a pattern that finds several. */
export interface UplinkOptions {
  /** Interface name; `*` stands for any characters ("wwan*"). The first entry that matches an interface counts. */
  readonly device: string;
  /** The operator's order, 1 is preferred; equal numbers are equal. Default 1. */
  readonly priority?: number;
  /** Costs money by the byte. Default false. */
  readonly metered?: boolean;
  /**
   * Data volume that may be used, for each interface on its own that the entry matches. What comes over is not stopped:
   * traffic classes avoid the uplink as the policy says. Default: no cap. Needs {@link HostServices.usage}.
   */
  readonly cap?: CapOptions | undefined;
}

/** A data volume, both directions together with all headers, and when it is there anew. */
export type CapOptions =
  /** At the beginning (UTC) of a day of each month, 1 to 28. */
  | { readonly bytes: number; readonly resetDay: number; readonly perDays?: undefined }
  /** After so many days, counted from when the cap was first looked at. */
  | { readonly bytes: number; readonly perDays: number; readonly resetDay?: undefined };

/** How a vehicle reaches the gateway where UDP gets nowhere: the same datagrams over WebSocket and TLS. */
export interface VehicleFallbackOptions {
  /** `https://host[:port][/path]`; the path is "/tunnel" where none is given. */
  readonly url: string;
  /** Whom the gateway's certificate must lead to. Its dates never count: a vehicle has no clock to judge them by. */
  readonly trust: FallbackTrust;
}

export type FallbackTrust =
  /** SHA-256 of the authority's certificate (DER), base64url. */
  | { readonly kind: 'fingerprint'; readonly fingerprint: string }
  /** Certificates of authorities, PEM. */
  | { readonly kind: 'ca'; readonly pem: string }
  /** The public authorities that Node knows: for gateways with a public certificate. */
  | { readonly kind: 'public' };

/** A listener of the tunnel's own for vehicles whose UDP gets nowhere; a gateway with an HTTPS server needs none. */
export interface GatewayFallbackOptions {
  /** "address:port" or "[address]:port", TCP. */
  readonly listen: readonly string[];
  /** Certificate chain, the server's own first, and its private key; PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** What a vehicle's host gets from the program around it. */
export interface HostServices {
  /** Where the usage of data caps outlives the process; needed when an uplink has a cap. */
  readonly usage?: UsageStore;
  /** UTC milliseconds that somebody vouches for, undefined while nobody does: only then data caps begin anew. */
  trustedNowMs?(): number | undefined;
}

interface CommonHostOptions {
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array;
  readonly tun: TunOptions;
  readonly policy: TunnelPolicy;
  /** Modules (file URLs) whose default export is a StrategyFactory, beside the built-in strategies. */
  readonly strategyModules?: readonly string[];
  /** Ciphers in order of preference. Default: measured at start. */
  readonly ciphers?: readonly CipherId[];
  /** Slots of the engine's send slab; a power of two. Default of the engine. */
  readonly sendSlots?: number;
  /**
   * Where the host notes what outlives a killed process (changed rp_filter settings) together with its process id, so
   * that the next start puts it back and a second instance is refused. Without it neither is done.
   */
  readonly stateFile?: string;
}

export interface VehicleHostOptions extends CommonHostOptions {
  readonly role: 'vehicle';
  readonly gateway: {
    /** X25519 public key, 32 bytes. */
    readonly publicKey: Uint8Array;
    /** "address:port" or "[address]:port", best first. */
    readonly endpoints: readonly string[];
  };
  readonly uplinks: readonly UplinkOptions[];
  /** Default: none, UDP only. */
  readonly fallback?: VehicleFallbackOptions;
}

export interface GatewayHostOptions extends CommonHostOptions {
  readonly role: 'gateway';
  /** "address:port" or "[address]:port" to receive on. */
  readonly listen: readonly string[];
  readonly vehicles: readonly GatewayVehicle[];
  /** Default: none; {@link TunnelHost.upgrade} takes connections from another server. */
  readonly fallback?: GatewayFallbackOptions;
}

export type HostOptions = VehicleHostOptions | GatewayHostOptions;
