/** A peer's state as plain data, for people and programs outside the engine. */
import { OVERHEAD_BYTES } from '@corridor/wire';
import { formatAddress, isStreamAddress } from './address.js';
import type { DirectionEstimate } from './estimator.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { CIPHER_AES_256_GCM } from './primitives.js';
import type { DirectionStatus, PathStatus, PeerStatus } from './status.js';

export function peerStatus(peer: Peer, nowUs: number): PeerStatus {
  const { current, establishedUs } = peer.sessions;
  return {
    name: peer.name,
    publicKey: base64(peer.publicKey),
    session: current !== undefined ? 'established' : peer.handshaking ? 'handshaking' : 'none',
    establishedAtUs: current === undefined ? 0 : establishedUs,
    heardAtUs: Math.max(0, peer.heardUs),
    cipher: current === undefined ? null : current.cipher === CIPHER_AES_256_GCM ? 'aes-256-gcm' : 'chacha20-poly1305',
    policyVersion: peer.policy.version,
    paths: peer.paths.map((path) => pathStatus(path, nowUs, peer.core.mtu)),
    classes: peer.scheduler.status(),
    counters: peer.tally.status(),
    ...(peer.reordering === undefined ? {} : { order: peer.reordering.status() }),
  };
}

function pathStatus(path: Path, nowUs: number, mtu: number): PathStatus {
  const blocked = path.blocked || path.blockedByPeer;
  return {
    id: path.id,
    name: path.name,
    kind: isStreamAddress(path.address) ? 'tls' : 'udp',
    state: blocked ? 'down' : path.state,
    reason: path.reason,
    sinceUs: path.sinceUs,
    blocked,
    remote: path.socket < 0 ? '' : formatAddress(path.address),
    rttUs: path.rtt.smoothedUs,
    minRttUs: path.rtt.minUs,
    rttVarUs: path.rtt.variationUs,
    maxDatagramBytes: path.maxDatagram,
    mtu: path.maxDatagram === 0 ? mtu : Math.min(mtu, path.maxDatagram - OVERHEAD_BYTES),
    priority: path.priority,
    metered: path.metered,
    roaming: path.roaming,
    capReached: path.capReached,
    ...(path.signal === undefined ? {} : { signal: path.signal }),
    send: directionStatus(path.send, nowUs),
    receive: directionStatus(path.receive, nowUs),
  };
}

function directionStatus(estimate: DirectionEstimate, nowUs: number): DirectionStatus {
  return {
    delayVariationUs: estimate.delayVariationUs,
    jitterUs: estimate.jitterUs,
    lossRatio: estimate.lossRatio(nowUs),
    rateBps: estimate.rateBps(nowUs),
    packets: estimate.packets,
    bytes: estimate.bytes,
    lost: Math.max(0, estimate.lost),
  };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 4648 section 4; pure rooms have neither Buffer nor btoa. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const digits = Math.min(4, bytes.length - i + 1);
    for (let digit = 0; digit < 4; digit++) text += digit < digits ? BASE64[(word >> (18 - 6 * digit)) & 63] : '=';
  }
  return text;
}
