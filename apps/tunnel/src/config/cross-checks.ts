/**
 * Checks across keys. They look at the config as it was written and skip whatever has the wrong shape (the schema says
 * so already), so that all mistakes are told at once.
 */
import { type Prefix, parsePrefix } from '@corridor/tunnel';
import { parseEndpoint, prefixesOverlap } from '@corridor/tunnel-host';
import type { Mistake } from './mistakes.js';

type Loose = Record<string, unknown>;

export function crossChecks(config: Loose): Mistake[] {
  const tun = object(config.tun);
  const mistakes = [
    ...ipv6Mtu(tun),
    ...duplicates(strings(tun.addresses), 'tun.addresses'),
    ...duplicates(strings(tun.routes), 'tun.routes'),
  ];
  if (config.role === 'vehicle') mistakes.push(...vehicleChecks(config));
  if (config.role === 'gateway') mistakes.push(...gatewayChecks(config, tun));
  return mistakes;
}

function vehicleChecks(config: Loose): Mistake[] {
  const devices = objects(config.uplinks).map((uplink) => uplink.device);
  return [
    ...duplicates(strings(object(config.gateway).endpoints), 'gateway.endpoints'),
    ...duplicates(devices, (index) => `uplinks[${index}].device`),
    ...capChecks(config),
  ];
}

function capChecks(config: Loose): Mistake[] {
  const caps = objects(config.uplinks).map(({ cap }) => cap);
  const mistakes = caps.flatMap((cap, index) => {
    if (cap === undefined || !('bytes' in object(cap))) return [];
    const { resetDay, perDays } = object(cap);
    if ((resetDay === undefined) !== (perDays === undefined)) return [];
    return [{ key: `uplinks[${index}].cap`, message: 'expected either "resetDay" or "perDays" beside "bytes"' }];
  });
  if (config.usageFile === undefined && caps.some((cap) => cap !== undefined)) {
    mistakes.push({
      key: 'usageFile',
      message: 'missing: expected the path of a file, as an uplink has a cap and its usage must outlive the process',
    });
  }
  return mistakes;
}

function gatewayChecks(config: Loose, tun: Loose): Mistake[] {
  const vehicles = objects(config.vehicles);
  return [
    ...duplicates(strings(config.listen), 'listen'),
    ...duplicates(
      vehicles.map(({ name }) => name),
      (index) => `vehicles[${index}].name`,
    ),
    ...duplicates(
      vehicles.map(({ publicKey }) => publicKey),
      (index) => `vehicles[${index}].publicKey`,
      () => 'is the key of another vehicle already: every vehicle needs a key of its own',
    ),
    ...overlaps(vehicles, tun),
    ...captured(config, vehicles),
  ];
}

/** RFC 8200 section 5: every IPv6 link carries 1280 bytes; the kernel refuses IPv6 addresses below. */
function ipv6Mtu(tun: Loose): Mistake[] {
  const usesIpv6 = [...strings(tun.addresses), ...strings(tun.routes)].some(
    (text) => parsePrefix(String(text))?.family === 6,
  );
  if (!usesIpv6 || typeof tun.mtu !== 'number' || tun.mtu >= 1280) return [];
  return [{ key: 'tun.mtu', message: 'expected at least 1280 bytes, because the tunnel carries IPv6' }];
}

function overlaps(vehicles: readonly Loose[], tun: Loose): Mistake[] {
  const mistakes: Mistake[] = [];
  const seen: { key: string; prefix: Prefix }[] = [];
  for (const [index, text] of strings(tun.addresses).entries()) {
    const prefix = parsePrefix(String(text));
    // Only the gateway's own address is taken; the network around it is where the vehicles live.
    if (prefix) seen.push({ key: `tun.addresses[${index}]`, prefix: { ...prefix, length: prefix.address.length * 8 } });
  }
  vehicles.forEach((vehicle, v) => {
    strings(vehicle.addresses).forEach((text, a) => {
      const prefix = parsePrefix(String(text));
      if (!prefix) return;
      const key = `vehicles[${v}].addresses[${a}]`;
      const other = seen.find((entry) => prefixesOverlap(entry.prefix, prefix));
      if (other)
        mistakes.push({ key, message: `${String(text)} overlaps ${other.key}: an address belongs to one end only` });
      seen.push({ key, prefix });
    });
  });
  return mistakes;
}

/** Vehicles' prefixes become routes of the gateway: they must not lead its own datagrams into the tunnel. */
function captured(config: Loose, vehicles: readonly Loose[]): Mistake[] {
  const listen = strings(config.listen).map((text) => parseEndpoint(String(text)));
  return vehicles.flatMap((vehicle, v) =>
    strings(vehicle.addresses).flatMap((text, a) => {
      const prefix = parsePrefix(String(text));
      const key = `vehicles[${v}].addresses[${a}]`;
      if (prefix?.length === 0)
        return [{ key, message: 'a default route cannot belong to a vehicle: expected its own networks' }];
      const own = listen.find((entry) => {
        const address = entry && parsePrefix(entry.address);
        return address && prefix && prefixesOverlap(address, prefix);
      });
      return own ? [{ key, message: `${String(text)} contains ${own.address}, on which the gateway listens` }] : [];
    }),
  );
}

function duplicates(
  values: readonly unknown[],
  key: string | ((index: number) => string),
  message: (value: string) => string = (value) => `"${value}" stands here twice`,
): Mistake[] {
  return values.flatMap((value, index) => {
    if (typeof value !== 'string' || values.indexOf(value) === index) return [];
    return [{ key: typeof key === 'string' ? `${key}[${index}]` : key(index), message: message(value) }];
  });
}

function object(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

/** Elements that are no objects become empty ones, so that indexes stay right. */
function objects(value: unknown): Loose[] {
  return Array.isArray(value) ? value.map(object) : [];
}

function strings(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
