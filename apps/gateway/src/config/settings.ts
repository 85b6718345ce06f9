import { accessSync, constants, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEndpoint, parseWrittenPrefix } from '@corridor/tunnel-host';

/** Where to listen. Port 0: the system picks one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** One variable of the environment. */
export interface Setting<T> {
  readonly name: string;
  /** Completes "NAME: expected …, got …". */
  readonly expected: string;
  /** For people; the value itself comes from `GatewayConfig`. */
  readonly fallback: string;
  readonly meaning: string;
  /** Holds a password: may come from the file that NAME_FILE names instead, as container secrets do. */
  readonly secret?: true;
  /** Undefined: not what was expected. The text is never empty. */
  readonly read: (text: string) => T | undefined;
}

const file = (text: string): string | undefined => {
  try {
    accessSync(text, constants.R_OK);
    return resolve(text);
  } catch {
    return undefined;
  }
};

const jsonFile = (text: string): string | undefined => {
  try {
    JSON.parse(readFileSync(text, 'utf8'));
    return resolve(text);
  } catch {
    return undefined;
  }
};

/** "0.0.0.0:8443", "[::]:8443" or "localhost:0". */
export function readListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  if (!match || Number(match[3]) > 65535) return undefined;
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) };
}

const listenAddressOrOff = (text: string) => (text === 'off' ? ('off' as const) : readListenAddress(text));

function url(...protocols: string[]) {
  return (text: string): string | undefined => {
    if (!URL.canParse(text)) return undefined;
    return protocols.includes(new URL(text).protocol) ? text : undefined;
  };
}

const origin = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, pathname, search } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && pathname === '/' && search === '' ? origin : undefined;
};

function oneOf<const T extends string>(...words: readonly T[]) {
  return (text: string): T | undefined => words.find((word) => word === text);
}

/** Every item must be readable; white space around commas is allowed. */
function list<T>(read: (item: string) => T | undefined) {
  return (text: string): readonly T[] | undefined => {
    const items = text.split(',').map((item) => read(item.trim()));
    return items.includes(undefined) ? undefined : (items as T[]);
  };
}

/** "host:port" or "[address]:port" with a port that can be dialled. */
const endpoint = (text: string): string | undefined => {
  const address = readListenAddress(text);
  return address && address.port > 0 ? text : undefined;
};

const prefix = (text: string): string | undefined => (parseWrittenPrefix(text) ? text : undefined);

const udpEndpoint = (text: string): string | undefined => (parseEndpoint(text) ? text : undefined);

/** A network with room for vehicles: 2 to 24 bits of host part, written with its host bits clear. */
const overlay4 = (text: string): string | undefined => {
  const parsed = parseWrittenPrefix(text);
  if (parsed?.family !== 4 || parsed.length < 8 || parsed.length > 30) return undefined;
  return hostBitsClear(parsed.address, parsed.length) ? text : undefined;
};

const overlay6 = (text: string): string | undefined => {
  const parsed = parseWrittenPrefix(text);
  if (parsed?.family !== 6 || parsed.length > 112) return undefined;
  return hostBitsClear(parsed.address, parsed.length) ? text : undefined;
};

function hostBitsClear(address: Uint8Array, length: number): boolean {
  return [...address].every((byte, index) => {
    const kept = Math.min(Math.max(length - index * 8, 0), 8);
    return (byte & (0xff >> kept)) === 0;
  });
}

const days = (text: string): number | undefined =>
  /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 3650 ? Number(text) : undefined;

const setting = <T>(entry: Setting<T>): Setting<T> => entry;

/** Every variable that the gateway reads; `docs/configuration.md` holds the same table, and a test compares them. */
export const SETTINGS = {
  data: setting({
    name: 'CORRIDOR_DATA',
    expected: 'a directory',
    fallback: './data/gateway',
    meaning: 'Directory of the gateway (0700): `keys/`, `tls/`, and `pg/` of the embedded database. Back up `keys/`.',
    read: (text) => resolve(text),
  }),
  organisation: setting({
    name: 'CORRIDOR_ORGANISATION',
    expected: 'a name of at most 80 characters',
    fallback: 'Corridor',
    meaning: 'Name of the organisation that the first start creates.',
    read: (text) => (text.length <= 80 ? text : undefined),
  }),
  adminPasswordFile: setting({
    name: 'CORRIDOR_ADMIN_PASSWORD_FILE',
    expected: 'a readable file',
    fallback: 'generated, printed once',
    meaning: 'File with the password of the first administrator, `admin`. Read at the first start only.',
    read: file,
  }),
  listen: setting({
    name: 'CORRIDOR_LISTEN',
    expected: '"address:port" or "off"',
    fallback: '0.0.0.0:8443',
    meaning: 'HTTPS: console, REST and live feed.',
    read: listenAddressOrOff,
  }),
  httpSocket: setting({
    name: 'CORRIDOR_HTTP_SOCKET',
    expected: 'a path of at most 107 bytes',
    fallback: 'off',
    meaning: 'The same as plain HTTP on a unix socket (0600), for a proxy on this machine.',
    read: (text) => (Buffer.byteLength(resolve(text)) <= 107 ? resolve(text) : undefined),
  }),
  publicUrl: setting({
    name: 'CORRIDOR_PUBLIC_URL',
    expected: 'an http(s) URL without a path, such as "https://corridor.example.org:8443"',
    fallback: 'https://, host name, port of CORRIDOR_LISTEN',
    meaning: 'How browsers and vehicles reach the gateway; stands in claims and in the certificate.',
    read: origin,
  }),
  tlsCert: setting({
    name: 'CORRIDOR_TLS_CERT',
    expected: 'a readable PEM file (the whole chain), together with CORRIDOR_TLS_KEY',
    fallback: 'generated authority',
    meaning: 'Certificate of a public authority. Without it the gateway makes an authority that claims vouch for.',
    read: file,
  }),
  tlsKey: setting({
    name: 'CORRIDOR_TLS_KEY',
    expected: 'a readable PEM file, together with CORRIDOR_TLS_CERT',
    fallback: 'generated authority',
    meaning: 'Private key of CORRIDOR_TLS_CERT.',
    read: file,
  }),
  tunnel: setting({
    name: 'CORRIDOR_TUNNEL',
    expected: '"on" or "off"',
    fallback: 'on',
    meaning: '`off`: control plane only, no tunnel ends here.',
    read: oneOf('on', 'off'),
  }),
  tunnelListen: setting({
    name: 'CORRIDOR_TUNNEL_LISTEN',
    expected: '"address:port" with numbers, or several after commas',
    fallback: '0.0.0.0:4510',
    meaning: 'UDP sockets of the tunnels.',
    read: list(udpEndpoint),
  }),
  tunnelEndpoints: setting({
    name: 'CORRIDOR_TUNNEL_ENDPOINTS',
    expected: '"host:port", or several after commas',
    fallback: 'host of the public URL, port of CORRIDOR_TUNNEL_LISTEN',
    meaning: 'Where vehicles reach those sockets from outside.',
    read: list(endpoint),
  }),
  tun: setting({
    name: 'CORRIDOR_TUN',
    expected: 'an interface name of at most 15 characters',
    fallback: 'cor0',
    meaning: 'Name of the TUN device.',
    read: (text) => (/^[^\s/]{1,15}$/.test(text) ? text : undefined),
  }),
  overlay: setting({
    name: 'CORRIDOR_OVERLAY',
    expected: 'an IPv4 network of /8 to /30 with its host bits clear, such as "10.77.0.0/16"',
    fallback: '10.77.0.0/16',
    meaning: 'Addresses inside the tunnels: the gateway is host 1, vehicles follow from 2.',
    read: overlay4,
  }),
  overlay6: setting({
    name: 'CORRIDOR_OVERLAY6',
    expected: 'an IPv6 network of at most /112 with its host bits clear, such as "fd77::/64"',
    fallback: 'off',
    meaning: 'The same for IPv6.',
    read: overlay6,
  }),
  routes: setting({
    name: 'CORRIDOR_ROUTES',
    expected: 'CIDR prefixes after commas, such as "10.20.0.0/16,fd00:20::/48"',
    fallback: 'none',
    meaning: 'What vehicles reach through the tunnel beside the overlay.',
    read: list(prefix),
  }),
  databaseUrl: setting({
    name: 'DATABASE_URL',
    expected: 'a URL that begins with "postgresql://"',
    fallback: 'embedded PostgreSQL',
    meaning: 'PostgreSQL 14 or newer; without it the gateway runs its own in CORRIDOR_DATA.',
    secret: true,
    read: url('postgresql:', 'postgres:'),
  }),
  mqttUrl: setting({
    name: 'MQTT_URL',
    expected: 'a URL that begins with "mqtt://" or "mqtts://"',
    fallback: 'embedded broker',
    meaning: 'External MQTT broker (mosquitto with its dynamic security plug-in), with the user that administers it.',
    secret: true,
    read: url('mqtt:', 'mqtts:'),
  }),
  mqttListen: setting({
    name: 'CORRIDOR_MQTT_LISTEN',
    expected: '"address:port"',
    fallback: 'overlay address of the gateway, port 1883 (127.0.0.1:0 with the tunnel off)',
    meaning:
      'MQTT for vehicles: the embedded broker, or the way to that of MQTT_URL. By default reachable through the tunnels only.',
    read: readListenAddress,
  }),
  metricsListen: setting({
    name: 'CORRIDOR_METRICS_LISTEN',
    expected: '"address:port" or "off"',
    fallback: '127.0.0.1:9464',
    meaning: 'Prometheus metrics, plain HTTP, `/metrics`.',
    read: listenAddressOrOff,
  }),
  baseMap: setting({
    name: 'CORRIDOR_BASE_MAP',
    expected: 'a readable GeoJSON file',
    fallback: 'the built-in map',
    meaning: "Base map of the console's fleet view.",
    read: jsonFile,
  }),
  drillSocket: setting({
    name: 'CORRIDOR_DRILL_SOCKET',
    expected: 'a path',
    fallback: 'off',
    meaning: "Socket of the demo's link emulator: the console can cut and restore its links.",
    read: (text) => resolve(text),
  }),
  retentionDays: setting({
    name: 'CORRIDOR_RETENTION_DAYS',
    expected: 'a whole number of days from 1 to 3650',
    fallback: '30',
    meaning: 'How long metric frames and events are kept.',
    read: days,
  }),
  logLevel: setting({
    name: 'CORRIDOR_LOG_LEVEL',
    expected: '"debug", "info", "warn" or "error"',
    fallback: 'info',
    meaning: 'Least level of the log (JSON lines on standard output).',
    read: oneOf('debug', 'info', 'warn', 'error'),
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
