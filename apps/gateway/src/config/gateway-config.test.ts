import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, GatewayConfig } from './gateway-config.js';
import { SETTINGS } from './settings.js';

function mistakes(environment: Record<string, string>): readonly string[] {
  try {
    new GatewayConfig(environment);
    return [];
  } catch (error) {
    return (error as ConfigError).mistakes;
  }
}

describe('the configuration', () => {
  it('is complete with nothing given', () => {
    const config = new GatewayConfig({});
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 8443 });
    expect(config.publicUrl).toMatch(/^https:\/\/[^/]+:8443$/);
    expect(config.tunnelEndpoints).toEqual([`${new URL(config.publicUrl).hostname}:4510`]);
    expect(config.mqttListen).toEqual({ host: '10.77.0.1', port: 1883 });
    expect(config.databaseUrl).toBeNull();
    expect(config.tls).toBeNull();
  });

  it('follows from what was given', () => {
    const config = new GatewayConfig({
      CORRIDOR_PUBLIC_URL: 'https://fleet.example.org:444/',
      CORRIDOR_TUNNEL_LISTEN: '192.0.2.1:5000, [2001:db8::1]:5001',
      CORRIDOR_OVERLAY: '10.9.8.0/24',
      CORRIDOR_METRICS_LISTEN: 'off',
      CORRIDOR_ROUTES: '10.20.0.0/16,fd00:20::/48',
      CORRIDOR_RETENTION_DAYS: '7',
    });
    expect(config.publicUrl).toBe('https://fleet.example.org:444');
    expect(config.tunnelListen).toEqual(['192.0.2.1:5000', '[2001:db8::1]:5001']);
    expect(config.tunnelEndpoints).toEqual(['fleet.example.org:5000']);
    expect(config.mqttListen).toEqual({ host: '10.9.8.1', port: 1883 });
    expect(config.metricsListen).toBeNull();
    expect(config.routes).toEqual(['10.20.0.0/16', 'fd00:20::/48']);
    expect(config.retentionDays).toBe(7);
    expect(new GatewayConfig({ CORRIDOR_TUNNEL: 'off' }).mqttListen).toEqual({ host: '127.0.0.1', port: 0 });
  });

  it('tells all mistakes at once, each with what was expected', () => {
    expect(mistakes({ CORRIDOR_LISTEN: '8443', CORRIDOR_TUNNEL: 'yes', CORRIDOR_RETENTION_DAYS: '0' })).toEqual([
      'CORRIDOR_LISTEN: expected "address:port" or "off", got "8443"',
      'CORRIDOR_TUNNEL: expected "on" or "off", got "yes"',
      'CORRIDOR_RETENTION_DAYS: expected a whole number of days from 1 to 3650, got "0"',
    ]);
    expect(() => new GatewayConfig({ CORRIDOR_TUN: 'a/b' })).toThrow(ConfigError);
  });

  it.each([
    ['CORRIDOR_LISTEN', '0.0.0.0:70000'],
    ['CORRIDOR_HTTP_SOCKET', `/${'x'.repeat(120)}`],
    ['CORRIDOR_PUBLIC_URL', 'corridor.example.org'],
    ['CORRIDOR_PUBLIC_URL', 'https://corridor.example.org/console'],
    ['CORRIDOR_TUNNEL_LISTEN', 'localhost:4510'],
    ['CORRIDOR_TUNNEL_LISTEN', '0.0.0.0:0'],
    ['CORRIDOR_TUNNEL_ENDPOINTS', '192.0.2.1'],
    ['CORRIDOR_OVERLAY', '10.77.0.1/16'],
    ['CORRIDOR_OVERLAY', '10.77.0.0'],
    ['CORRIDOR_OVERLAY6', 'fd77::1/64'],
    ['CORRIDOR_ROUTES', '10.20.0.0/16,,'],
    ['DATABASE_URL', 'mysql://localhost/corridor'],
    ['MQTT_URL', 'tcp://localhost:1883'],
    ['CORRIDOR_BASE_MAP', '/nonexistent.geojson'],
    ['CORRIDOR_ADMIN_PASSWORD_FILE', '/nonexistent'],
    ['CORRIDOR_LOG_LEVEL', 'loud'],
  ])('refuses %s=%s', (name, value) => {
    expect(mistakes({ [name]: value })).toEqual([expect.stringMatching(`^${name}: expected `)]);
  });

  it('shows no password of a URL that it refuses', () => {
    const [mistake] = mistakes({ DATABASE_URL: 'mysql://corridor:s3cret@db/corridor' });
    expect(mistake).toContain('mysql://…@db/corridor');
  });

  it('wants certificate and key together', () => {
    const directory = mkdtempSync(join(tmpdir(), 'corridor-config-'));
    const pem = join(directory, 'a.pem');
    writeFileSync(pem, '');
    expect(mistakes({ CORRIDOR_TLS_CERT: pem })).toEqual([
      expect.stringMatching(/^CORRIDOR_TLS_KEY: expected .*nothing/),
    ]);
    expect(mistakes({ CORRIDOR_TLS_KEY: pem })).toEqual([
      expect.stringMatching(/^CORRIDOR_TLS_CERT: expected .*nothing/),
    ]);
    expect(mistakes({ CORRIDOR_TLS_CERT: pem, CORRIDOR_TLS_KEY: pem })).toEqual([]);
    rmSync(directory, { recursive: true });
  });

  it('takes secrets from files, one way or the other', () => {
    const directory = mkdtempSync(join(tmpdir(), 'corridor-config-'));
    const secret = join(directory, 'url');
    writeFileSync(secret, 'postgresql://corridor:s3cret@db/corridor\n');
    const url = 'postgresql://corridor:s3cret@db/corridor';
    expect(new GatewayConfig({ DATABASE_URL_FILE: secret }).databaseUrl).toBe(url);
    expect(mistakes({ DATABASE_URL_FILE: secret, DATABASE_URL: url })).toEqual([
      'DATABASE_URL_FILE: expected nothing, because DATABASE_URL is given, too',
    ]);
    expect(mistakes({ MQTT_URL_FILE: join(directory, 'none') })).toEqual([
      expect.stringMatching(/^MQTT_URL_FILE: expected a readable file/),
    ]);
    expect(mistakes({ MQTT_URL_FILE: secret })).toEqual([expect.stringMatching(/^MQTT_URL: expected .*\/\/…@db/)]);
    rmSync(directory, { recursive: true });
  });

  it('wants some door', () => {
    expect(mistakes({ CORRIDOR_LISTEN: 'off' })).toEqual([expect.stringMatching(/^CORRIDOR_LISTEN: expected/)]);
    expect(mistakes({ CORRIDOR_LISTEN: 'off', CORRIDOR_HTTP_SOCKET: '/tmp/corridor.sock' })).toEqual([]);
  });

  it('notices variables that nobody reads', () => {
    expect(new GatewayConfig({ CORRIDOR_LISTN: 'off', PATH: '/bin' }).unknownVariables).toEqual(['CORRIDOR_LISTN']);
  });

  it('names each variable once', () => {
    const names = Object.values(SETTINGS).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
