/** Shape of the config file, as data. What belongs together across keys is checked in cross-checks.ts. */
import { MAX_INNER_PACKET } from '@corridor/tunnel';
import { LOG_LEVELS, parseEndpoint, parseWrittenPrefix } from '@corridor/tunnel-host';
import { z } from 'zod';

/** Default MTU of the tunnel, bytes: with 40 bytes of Corridor, 8 of UDP and 40 of IPv6 it fits an uplink of 1488. */
export const DEFAULT_MTU = 1400;
/** RFC 791 asks every IPv4 host to take 576 bytes; less makes no sense. */
const MIN_MTU = 576;

/** A string that must satisfy `test`; `expected` completes "expected ...". */
const text = (expected: string, test: (value: string) => boolean) =>
  z.string({ error: (issue) => missingOr(issue.input, expected) }).refine(test, { error: `expected ${expected}` });

const list = <T extends z.ZodType>(item: T, expected: string, least = 1) =>
  z.array(item, { error: (issue) => missingOr(issue.input, expected) }).min(least, { error: `expected ${expected}` });

function missingOr(input: unknown, expected: string): string {
  return input === undefined ? `missing: expected ${expected}` : `expected ${expected}`;
}

const number = (expected: string, least: number, most: number) => {
  const error = (issue: { input?: unknown }) => missingOr(issue.input, expected);
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const key = text('a key of 32 bytes as one base64 line, as "corridor-tunnel pubkey" prints it', isKey);
const prefix = text(
  'an address with its prefix length, such as "10.77.0.2/24" or "fd77::2/64"',
  (value) => parseWrittenPrefix(value) !== undefined,
);
const endpoint = text(
  '"address:port" or "[address]:port" with a port of 1 to 65535, such as "203.0.113.10:4510"',
  (value) => parseEndpoint(value) !== undefined,
);
const path = (what: string) => text(`the path of ${what}`, (value) => value !== '' && !value.includes('\0'));
const interfaceName = text(
  'an interface name of 1 to 15 letters, digits, "-", "_" or "."',
  (value) => /^[\w.-]{1,15}$/.test(value) && !/^\.+$/.test(value),
);
const devicePattern = text('an interface name or a pattern such as "wwan*", at most 15 characters', (value) =>
  /^[\w.*-]{1,15}$/.test(value),
);
const vehicleName = text('a name of 1 to 64 letters, digits, "-", "_" or "."', (value) => /^[\w.-]{1,64}$/.test(value));

const tun = z.strictObject(
  {
    name: interfaceName,
    addresses: list(prefix, 'a list with at least one address of this end inside the tunnel, such as ["10.77.0.2/24"]'),
    routes: z.array(prefix, { error: 'expected a list of prefixes such as ["10.77.0.0/24"]' }).default([]),
    mtu: number(`a number of bytes from ${MIN_MTU} to ${MAX_INNER_PACKET}`, MIN_MTU, MAX_INNER_PACKET).default(
      DEFAULT_MTU,
    ),
    offload: z.boolean({ error: 'expected true or false' }).default(true),
  },
  { error: objectError('an object with name and addresses') },
);

/** Which of the two other keys stands there is checked in cross-checks.ts. Less than a megabyte is a slip. */
const cap = z.strictObject(
  {
    bytes: number('a number of bytes from 1000000, such as 5000000000 for 5 GB', 1e6, 1e15),
    resetDay: number('a day of the month from 1 to 28', 1, 28).optional(),
    perDays: number('a number of days from 1 to 366', 1, 366).optional(),
  },
  { error: objectError('an object such as { "bytes": 5000000000, "resetDay": 1 }') },
);

const uplink = z.strictObject(
  {
    device: devicePattern,
    priority: number('a number from 1 (preferred) to 255', 1, 255).default(1),
    metered: z.boolean({ error: 'expected true or false' }).default(false),
    cap: cap.optional(),
  },
  { error: objectError('an object such as { "device": "w0" }') },
);

const vehicle = z.strictObject(
  {
    name: vehicleName,
    publicKey: key,
    addresses: list(prefix, 'a list with at least one prefix that belongs to the vehicle, such as ["10.77.0.2/32"]'),
  },
  { error: objectError('an object with name, publicKey and addresses') },
);

const vehicleFallback = z.strictObject(
  {
    url: text(
      'an address such as "https://gateway.example.org" or "https://203.0.113.10:8443/tunnel"',
      (value) => URL.canParse(value) && new URL(value).protocol === 'https:',
    ),
    fingerprint: text(
      "the SHA-256 of the authority's certificate: 43 characters of base64url, or 64 hexadecimal digits",
      (value) => fingerprintOf(value) !== undefined,
    )
      .transform((value) => fingerprintOf(value) as string)
      .optional(),
    ca: path("the authority's certificate (PEM)").optional(),
  },
  { error: objectError('an object with url and fingerprint or ca') },
);

const gatewayFallback = z.strictObject(
  {
    listen: list(endpoint, 'a list with at least one "address:port" to listen on (TCP), such as ["0.0.0.0:443"]'),
    cert: path('the certificate chain (PEM)'),
    key: path('its private key (PEM)'),
  },
  { error: objectError('an object with listen, cert and key') },
);

const common = {
  privateKeyFile: path('a file with the private key, as "corridor-tunnel keygen" prints it'),
  control: path('the control socket'),
  tun,
  // Checked by the engine's own policy check, which knows the strategies.
  policy: z
    .record(z.string(), z.unknown(), {
      error: 'expected an object such as { "default": { "strategy": "active-standby" } }',
    })
    .optional(),
  strategyModules: z
    .array(path('a strategy module'), { error: 'expected a list of paths such as ["./cheapest.mjs"]' })
    .default([]),
  logLevel: z
    .enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.map((level) => `"${level}"`).join(', ')}` })
    .default('info'),
};

export const vehicleSchema = z.strictObject({
  role: z.literal('vehicle'),
  ...common,
  gateway: z.strictObject(
    { publicKey: key, endpoints: list(endpoint, 'a list with at least one "address:port" of the gateway') },
    { error: objectError('an object with publicKey and endpoints') },
  ),
  uplinks: list(uplink, 'a list with at least one uplink, such as [{ "device": "w0" }]'),
  usageFile: path('a file for what the uplinks have used of their data caps').optional(),
  fallback: vehicleFallback.optional(),
});

export const gatewaySchema = z.strictObject({
  role: z.literal('gateway'),
  ...common,
  listen: list(endpoint, 'a list with at least one "address:port" to listen on'),
  vehicles: list(vehicle, 'a list of vehicles (it may be empty)', 0),
  fallback: gatewayFallback.optional(),
});

export type VehicleConfig = z.output<typeof vehicleSchema>;
export type GatewayConfig = z.output<typeof gatewaySchema>;

/** Unknown keys have a sentence of their own, see mistakes.ts. */
function objectError(expected: string) {
  return (issue: { code?: string; input?: unknown }) =>
    issue.code === 'unrecognized_keys' ? undefined : missingOr(issue.input, expected);
}

/** SHA-256 as base64url, from that or from hexadecimal as openssl prints it ("AB:CD:..."); undefined for anything else. */
function fingerprintOf(value: string): string | undefined {
  const hex = value.replaceAll(':', '');
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return Buffer.from(hex, 'hex').toString('base64url');
  return /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}

/** Whether a text is 32 bytes in canonical base64. */
export function isKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(value) && Buffer.from(value, 'base64').toString('base64') === value;
}
