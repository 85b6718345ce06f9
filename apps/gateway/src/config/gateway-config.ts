import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type ListenAddress, SETTINGS, type Setting } from './settings.js';

export type { ListenAddress } from './settings.js';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The environment is wrong; `mistakes` are sentences that each name a variable and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly mistakes: readonly string[]) {
    super(`the configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:
${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
  }
}

/** What the gateway was told at its start; read once, checked, complete with defaults. The class is its DI token. */
export class GatewayConfig {
  /** Absolute path. */
  readonly dataDirectory: string;
  readonly organisation: string;
  readonly adminPasswordFile: string | null;
  /** null: no HTTPS listener. */
  readonly listen: ListenAddress | null;
  /** Absolute path of the unix socket, null: none. */
  readonly httpSocket: string | null;
  /** Origin without a slash at its end, such as "https://corridor.example.org:8443". */
  readonly publicUrl: string;
  /** Given certificate and key (files); null: the gateway's own authority. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly tunnel: boolean;
  /** "address:port", numbers only. */
  readonly tunnelListen: readonly string[];
  /** "host:port" or "[address]:port", as vehicles use them. */
  readonly tunnelEndpoints: readonly string[];
  readonly tun: string;
  /** Network such as "10.77.0.0/16". */
  readonly overlay: string;
  readonly overlay6: string | null;
  /** CIDR prefixes beside the overlay. */
  readonly routes: readonly string[];
  /** null: embedded. */
  readonly databaseUrl: string | null;
  /** null: embedded. */
  readonly mqttUrl: string | null;
  readonly mqttListen: ListenAddress;
  readonly metricsListen: ListenAddress | null;
  /** Absolute path of a GeoJSON file. */
  readonly baseMap: string | null;
  /** Absolute path of a unix socket. */
  readonly drillSocket: string | null;
  readonly retentionDays: number;
  readonly logLevel: LogLevel;
  /** Variables named CORRIDOR_… that nobody reads: most likely typing errors. Told at the start. */
  readonly unknownVariables: readonly string[];

  /** @throws ConfigError with every mistake at once. */
  constructor(environment: Environment) {
    const mistakes: string[] = [];
    const given = <T>(setting: Setting<T>): T | undefined => {
      const text = textOf(setting, environment, mistakes);
      if (text === undefined) return undefined;
      const value = setting.read(text);
      if (value === undefined) mistakes.push(`${setting.name}: expected ${setting.expected}, got "${shown(text)}"`);
      return value;
    };
    const orOff = (value: ListenAddress | 'off' | undefined, fallback: ListenAddress) =>
      value === 'off' ? null : (value ?? fallback);

    this.dataDirectory = given(SETTINGS.data) ?? SETTINGS.data.read('./data/gateway')!;
    this.organisation = given(SETTINGS.organisation) ?? 'Corridor';
    this.adminPasswordFile = given(SETTINGS.adminPasswordFile) ?? null;
    this.listen = orOff(given(SETTINGS.listen), { host: '0.0.0.0', port: 8443 });
    this.httpSocket = given(SETTINGS.httpSocket) ?? null;
    this.publicUrl = given(SETTINGS.publicUrl) ?? `https://${hostname().toLowerCase()}:${this.listen?.port ?? 8443}`;
    this.tls = this.#tls(given(SETTINGS.tlsCert), given(SETTINGS.tlsKey), environment, mistakes);
    this.tunnel = (given(SETTINGS.tunnel) ?? 'on') === 'on';
    this.tunnelListen = given(SETTINGS.tunnelListen) ?? ['0.0.0.0:4510'];
    this.tunnelEndpoints = given(SETTINGS.tunnelEndpoints) ?? [
      `${new URL(this.publicUrl).hostname}:${portOf(this.tunnelListen[0]!)}`,
    ];
    this.tun = given(SETTINGS.tun) ?? 'cor0';
    this.overlay = given(SETTINGS.overlay) ?? '10.77.0.0/16';
    this.overlay6 = given(SETTINGS.overlay6) ?? null;
    this.routes = given(SETTINGS.routes) ?? [];
    this.databaseUrl = given(SETTINGS.databaseUrl) ?? null;
    this.mqttUrl = given(SETTINGS.mqttUrl) ?? null;
    this.mqttListen =
      given(SETTINGS.mqttListen) ??
      (this.tunnel ? { host: firstHost(this.overlay), port: 1883 } : { host: '127.0.0.1', port: 0 });
    this.metricsListen = orOff(given(SETTINGS.metricsListen), { host: '127.0.0.1', port: 9464 });
    this.baseMap = given(SETTINGS.baseMap) ?? null;
    this.drillSocket = given(SETTINGS.drillSocket) ?? null;
    this.retentionDays = given(SETTINGS.retentionDays) ?? 30;
    this.logLevel = given(SETTINGS.logLevel) ?? 'info';
    this.unknownVariables = unknownVariables(environment);

    if (this.listen === null && this.httpSocket === null && mistakes.length === 0) {
      mistakes.push('CORRIDOR_LISTEN: expected an "address:port", or CORRIDOR_HTTP_SOCKET beside "off"');
    }
    if (mistakes.length > 0) throw new ConfigError(mistakes);
  }

  #tls(
    certificateFile: string | undefined,
    keyFile: string | undefined,
    environment: Environment,
    mistakes: string[],
  ): GatewayConfig['tls'] {
    if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile };
    const { tlsCert, tlsKey } = SETTINGS;
    if (environment[tlsCert.name] && !environment[tlsKey.name]) {
      mistakes.push(`${tlsKey.name}: expected ${tlsKey.expected}, got nothing`);
    }
    if (environment[tlsKey.name] && !environment[tlsCert.name]) {
      mistakes.push(`${tlsCert.name}: expected ${tlsCert.expected}, got nothing`);
    }
    return null;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The variable's text, or, of a secret, that of the file which NAME_FILE names. Empty is as good as not given. */
function textOf({ name, secret }: Setting<unknown>, environment: Environment, mistakes: string[]): string | undefined {
  const text = environment[name]?.trim() || undefined;
  const file = secret ? environment[`${name}_FILE`]?.trim() || undefined : undefined;
  if (file === undefined) return text;
  if (text !== undefined) {
    mistakes.push(`${name}_FILE: expected nothing, because ${name} is given, too`);
    return undefined;
  }
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    mistakes.push(`${name}_FILE: expected a readable file, got "${file}"`);
    return undefined;
  }
}

/** URLs may hold passwords: a mistake is shown without them, and not at length. */
function shown(text: string): string {
  const hidden = text.replace(/\/\/[^@/]*@/, '//…@');
  return hidden.length > 80 ? `${hidden.slice(0, 79)}…` : hidden;
}

function portOf(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf(':') + 1);
}

/** "10.77.0.0/16" -> "10.77.0.1": the gateway's own address. */
export function firstHost(overlay: string): string {
  return overlay.replace(/(\d+)\/\d+$/, (_, last: string) => String(Number(last) + 1));
}

function unknownVariables(environment: Environment): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
  return Object.keys(environment).filter((name) => name.startsWith('CORRIDOR_') && !known.has(name));
}
