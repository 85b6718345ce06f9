/** From a config file to the options of a host, or to the list of everything that is wrong with it. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StrategyFactory } from '@corridor/strategy';
import { builtInPolicy, checkPolicy, PolicyError, type TunnelPolicy } from '@corridor/tunnel';
import { type CapOptions, type HostOptions, loadStrategies, type PolicyDocument } from '@corridor/tunnel-host';
import { crossChecks } from './cross-checks.js';
import { readFallback } from './fallback.js';
import { type Mistake, mistakeSentence, schemaMistakes } from './mistakes.js';
import { reasonOf } from './reason.js';
import { type GatewayConfig, gatewaySchema, isKey, type VehicleConfig, vehicleSchema } from './schema.js';

/** A unix socket's path fits into sun_path of 108 bytes with its final zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

export interface LoadedConfig {
  readonly host: HostOptions;
  /** Absolute path of the control socket. */
  readonly control: string;
  /** Absolute path; there when an uplink has a data cap. */
  readonly usageFile?: string;
  readonly logLevel: VehicleConfig['logLevel'];
}

/** The config cannot be used. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_CONFIG';
  constructor(
    readonly file: string,
    readonly mistakes: readonly Mistake[],
  ) {
    super(mistakes.map((mistake) => `${file}: ${mistakeSentence(mistake)}`).join('\n'));
  }
}

/**
 * Reads and checks a config file; every path in it is relative to the file.
 * @throws ConfigError with all mistakes at once.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const raw = readJson(file);
  const at = (path: string) => resolve(dirname(file), path);
  const schema = raw.role === 'gateway' ? gatewaySchema : vehicleSchema;
  if (raw.role !== 'gateway' && raw.role !== 'vehicle') {
    throw new ConfigError(file, [
      { key: 'role', message: `${raw.role === undefined ? 'missing: ' : ''}expected "vehicle" or "gateway"` },
    ]);
  }
  const parsed = schema.safeParse(raw);
  const privateKey = readKeyFile(raw.privateKeyFile, at);
  const control = checkControl(raw.control, at);
  const modules = await checkModules(raw.strategyModules, at);
  const policy = await checkPolicyDocument(raw.policy, modules.urls);
  const fallback = readFallback(raw, at);
  const mistakes = [
    ...(parsed.success ? [] : schemaMistakes(parsed.error, schema)),
    ...privateKey.mistakes,
    ...control,
    ...modules.mistakes,
    ...policy.mistakes,
    ...fallback.mistakes,
    ...crossChecks(raw),
  ];
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(file, mistakes);
  const config = parsed.data;
  return {
    // What was read is of the config's own role.
    host: {
      ...hostOptions(config, privateKey.key, policy.policy, modules.urls, `${at(config.control)}.state`),
      ...fallback.value,
    } as HostOptions,
    control: at(config.control),
    ...('usageFile' in config && config.usageFile !== undefined ? { usageFile: at(config.usageFile) } : {}),
    logLevel: config.logLevel,
  };
}

function hostOptions(
  config: VehicleConfig | GatewayConfig,
  privateKey: Uint8Array,
  policy: TunnelPolicy,
  strategyModules: readonly string[],
  stateFile: string,
): HostOptions {
  const common = { privateKey, tun: config.tun, policy, strategyModules, stateFile };
  if (config.role === 'vehicle') {
    const { publicKey, endpoints } = config.gateway;
    return {
      role: 'vehicle',
      ...common,
      gateway: { publicKey: keyBytes(publicKey), endpoints },
      uplinks: config.uplinks.map(({ cap, ...uplink }) => ({ ...uplink, cap: capOptions(cap) })),
    };
  }
  const vehicles = config.vehicles.map(({ name, publicKey, addresses }) => ({
    name,
    publicKey: keyBytes(publicKey),
    addresses,
  }));
  return { role: 'gateway', ...common, listen: config.listen, vehicles };
}

function capOptions(cap: VehicleConfig['uplinks'][number]['cap']): CapOptions | undefined {
  if (cap?.resetDay !== undefined) return { bytes: cap.bytes, resetDay: cap.resetDay };
  return cap?.perDays === undefined ? undefined : { bytes: cap.bytes, perDays: cap.perDays };
}

/** 32 bytes of a key that {@link isKey} accepted. */
export function keyBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function readJson(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const message =
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${reasonOf(error)}`;
    throw new ConfigError(file, [{ key: '', message }]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(file, [{ key: '', message: 'expected a JSON object with role, tun and the rest' }]);
  }
  return value as Record<string, unknown>;
}

function readKeyFile(value: unknown, at: (path: string) => string): { key: Uint8Array; mistakes: Mistake[] } {
  const none = new Uint8Array(0);
  if (typeof value !== 'string' || value === '') return { key: none, mistakes: [] };
  const refuse = (message: string) => ({ key: none, mistakes: [{ key: 'privateKeyFile', message }] });
  const file = at(value);
  let text: string;
  try {
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      return refuse(
        `${value} has mode 0${mode.toString(8)}: expected 0600, so that only its owner reads it (chmod 600)`,
      );
    }
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    return refuse(`${value} cannot be read: ${reasonOf(error)}`);
  }
  if (!isKey(text))
    return refuse(`${value} holds no key: expected 32 bytes as one base64 line, as "corridor-tunnel keygen" prints it`);
  return { key: keyBytes(text), mistakes: [] };
}

function checkControl(value: unknown, at: (path: string) => string): Mistake[] {
  if (typeof value !== 'string' || value === '') return [];
  const bytes = Buffer.byteLength(at(value));
  if (bytes <= MAX_SOCKET_PATH) return [];
  return [
    {
      key: 'control',
      message: `the full path has ${bytes} bytes: expected at most ${MAX_SOCKET_PATH}, the limit of unix sockets`,
    },
  ];
}

/** Each module on its own, so that every broken one is named; then all together, for names taken twice. */
async function checkModules(
  value: unknown,
  at: (path: string) => string,
): Promise<{ urls: string[]; mistakes: Mistake[] }> {
  const urls: string[] = [];
  const mistakes: Mistake[] = [];
  for (const [index, path] of (Array.isArray(value) ? value : []).entries()) {
    if (typeof path !== 'string' || path === '') continue;
    const url = pathToFileURL(at(path)).href;
    try {
      await loadStrategies([...urls, url]);
      urls.push(url);
    } catch (error) {
      mistakes.push({ key: `strategyModules[${index}]`, message: (error as Error).message.replace(url, path) });
    }
  }
  return { urls, mistakes };
}

async function checkPolicyDocument(
  value: unknown,
  urls: readonly string[],
): Promise<{ policy: TunnelPolicy; mistakes: Mistake[] }> {
  const document = (value ?? { ...builtInPolicy, version: 1 }) as PolicyDocument;
  const policy = withVersion(document, 1);
  // The schema has told already that it is no object.
  if (typeof document !== 'object' || Array.isArray(document)) return { policy, mistakes: [] };
  const strategies = await loadStrategies(urls);
  const whole = policyMistake(policy, strategies);
  if (!whole) return { policy, mistakes: [] };
  // The check stops at the first mistake: asked about each part alone, it tells one of each.
  const standIn = { strategy: strategies[0].name };
  const classes = Array.isArray(policy.classes) ? policy.classes : [];
  const parts = [
    policyMistake({ ...policy, classes: [] }, strategies),
    ...classes.map((one, index) => {
      const mistake = policyMistake({ version: 1, default: standIn, classes: [one] }, strategies);
      return mistake && { ...mistake, key: mistake.key.replace('classes[0]', `classes[${index}]`) };
    }),
  ].filter((mistake) => mistake !== undefined);
  return { policy, mistakes: parts.length > 0 ? parts : [whole] };
}

function policyMistake(policy: TunnelPolicy, strategies: readonly StrategyFactory[]): Mistake | undefined {
  try {
    checkPolicy(policy, strategies);
    return undefined;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return { key: `policy.${error.key}`, message: error.message.replace(`${error.key}: `, '') };
  }
}

/** A policy with its version, and without classes none. */
export function withVersion(document: PolicyDocument, version: number): TunnelPolicy {
  return { ...document, version: document.version ?? version, classes: document.classes ?? [] };
}
