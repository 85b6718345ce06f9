import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, type PolicyAck, type PolicyContent, type SigningKey } from '@corridor/contracts';
import type { TunnelPolicy } from '@corridor/tunnel';
import { Log } from '@corridor/tunnel-host';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { State } from '../store/state.js';
import { JUDGED_MS, PolicyKeeper, PROBATION_MS, STARTS_ON_PROBATION, type TunnelHealth } from './policy-keeper.js';

const VEHICLE = '01a20792-6c57-7268-ad63-934cb5284d25';
const NOW = Date.parse('2026-11-23T08:00:00Z');
const CONTENT: PolicyContent = { default: { strategy: 'redundant' }, classes: [] };

interface Signer {
  readonly privateKey: CryptoKey;
  readonly jwk: SigningKey & { kid: string };
}

let gateway: Signer;
let stranger: Signer;
let folder = '';
let acks: PolicyAck[];
let applied: TunnelPolicy[];
let health: TunnelHealth;
let nowMs: number;
let refuseToApply: string;

beforeAll(async () => {
  gateway = await signer('k1');
  stranger = await signer('k2');
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-policy-'));
  [acks, applied, nowMs, refuseToApply] = [[], [], 0, ''];
  health = { established: true, sent: 100, delivered: 100 };
});

afterEach(() => rmSync(folder, { recursive: true }));

async function signer(kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x } = await exportJWK(publicKey);
  return { privateKey, jwk: { kty: 'OKP', crv: 'Ed25519', x: x!, kid } };
}

/** A policy as the gateway signs it; `change` alters the document, `header` the protected header. */
function signed(version: number, change: object = {}, by = gateway, header: object = {}): Promise<string> {
  const policy = (change as { policy?: PolicyContent }).policy ?? CONTENT;
  const document = {
    kind: 'effective-policy',
    v: 1,
    vehicleId: VEHICLE,
    version,
    issuedAt: new Date(NOW).toISOString(),
    expiresAt: new Date(NOW + 3_600_000).toISOString(),
    digest: createHash('sha256').update(canonicalJson(policy)).digest('hex'),
    policy,
    sources: [],
    ...change,
  };
  return new CompactSign(Buffer.from(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'EdDSA', kid: by.jwk.kid, typ: 'corridor-policy+jws', ...header })
    .sign(by.privateKey);
}

/** A keeper on what is on disk, as after a start of the agent. */
async function keeper(notBeforeMs: number | null = NOW): Promise<PolicyKeeper> {
  const it = new PolicyKeeper(
    State.open(folder, () => {}),
    {
      judge: () => ({ keys: [gateway.jwk], vehicleId: VEHICLE }),
      notBeforeMs: () => notBeforeMs ?? undefined,
      apply: async (policy) => {
        if (refuseToApply !== '') throw new Error(refuseToApply);
        applied.push(policy);
      },
      health: async () => health,
      report: (ack) => acks.push(ack),
    },
    new Log('error', false, () => {}),
    () => nowMs,
  );
  await it.load();
  return it;
}

const outcomes = () => acks.map(({ version, outcome }) => `${version} ${outcome}`);

describe('a policy from the gateway', () => {
  test('is received, stored, applied and reported', async () => {
    const it = await keeper();
    await it.receive(await signed(3));
    expect(outcomes()).toEqual(['3 received', '3 applied']);
    expect(acks[1]).toMatchObject({ inForce: 3, reason: '' });
    expect(applied).toEqual([{ version: 3, default: { strategy: 'redundant' }, classes: [] }]);
    expect((await keeper()).inForce.version).toBe(3);
  });

  test.each<[string, () => Promise<string>, Partial<PolicyAck>]>([
    ['of an older version', () => signed(2), { version: 2, refusal: 'older-version' }],
    [
      'that has expired',
      () => signed(4, { expiresAt: new Date(NOW - 1).toISOString() }),
      { version: 4, refusal: 'expired' },
    ],
    [
      'for another vehicle',
      () => signed(4, { vehicleId: VEHICLE.replace('01a', '02b') }),
      { version: 4, refusal: 'other-vehicle' },
    ],
    ['of a version that nobody here knows', () => signed(4, { v: 2 }), { version: 4, refusal: 'unknown-version' }],
    [
      'whose digest is of something else',
      () => signed(4, { digest: '0'.repeat(64) }),
      { version: 4, refusal: 'invalid' },
    ],
    ['without a default', () => signed(4, { policy: { classes: [] } }), { version: 4, refusal: 'invalid' }],
    [
      'with a strategy that is not here',
      () => signed(4, { policy: { default: { strategy: 'teleport' }, classes: [] } }),
      { version: 4, refusal: 'not-applicable' },
    ],
    [
      'with a match that the engine does not know',
      () =>
        signed(4, {
          policy: { ...CONTENT, classes: [{ name: 'x', strategy: 'redundant', match: [{ weather: 'rain' }] }] },
        }),
      { version: 4, refusal: 'not-applicable' },
    ],
    ['signed by a key that was not pinned', () => signed(4, {}, stranger), { version: 0, refusal: 'unknown-key' }],
    [
      'signed by another key under a pinned name',
      () => signed(4, {}, { ...stranger, jwk: { ...stranger.jwk, kid: 'k1' } }),
      { version: 0, refusal: 'bad-signature' },
    ],
    ['of another type', () => signed(4, {}, gateway, { typ: 'JWT' }), { version: 0, refusal: 'invalid' }],
    [
      'with its content changed on the way',
      async () => {
        const [head, , signature] = (await signed(4)).split('.');
        const [, other] = (await signed(5)).split('.');
        return `${head}.${other}.${signature}`;
      },
      { version: 0, refusal: 'bad-signature' },
    ],
    [
      'signed with the public key as a secret',
      () =>
        new SignJWT({ version: 4 })
          .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'corridor-policy+jws' })
          .sign(Buffer.from(gateway.jwk.x, 'base64url')),
      { version: 0, refusal: 'bad-signature' },
    ],
    [
      'without a signature',
      async () => `${Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')}.e30.e30`,
      { version: 0, refusal: 'bad-signature' },
    ],
    ['that is no JWS at all', async () => 'hello', { version: 0, refusal: 'bad-signature' }],
  ])('%s is refused and reported, and nothing changes', async (_, make, expected) => {
    const it = await keeper();
    await it.receive(await signed(3));
    acks.length = 0;
    await it.receive(await make());
    expect(acks).toEqual([expect.objectContaining({ outcome: 'rejected', inForce: 3, ...expected })]);
    expect(acks[0]?.reason).not.toBe('');
    expect(it.inForce.version).toBe(3);
    expect(applied).toHaveLength(1);
  });

  test('that is in force already is not applied again', async () => {
    const it = await keeper();
    await it.receive(await signed(3));
    await it.receive(await signed(3));
    expect(outcomes()).toEqual(['3 received', '3 applied', '3 applied']);
    expect(applied).toHaveLength(1);
  });

  test('is not judged by dates while nobody knows the time', async () => {
    const it = await keeper(null);
    await it.receive(await signed(3, { expiresAt: '2020-01-01T00:00:00.000Z' }));
    expect(it.inForce.version).toBe(3);
  });

  test('stays in force when it has expired since', async () => {
    await (await keeper()).receive(await signed(3));
    expect((await keeper(NOW + 86_400_000)).inForce.version).toBe(3);
  });

  test('that the tunnel does not take is refused, and the one before stays', async () => {
    const it = await keeper();
    await it.receive(await signed(3));
    refuseToApply = 'no';
    await it.receive(await signed(4));
    refuseToApply = '';
    expect(acks.at(-1)).toMatchObject({ version: 4, outcome: 'rejected', refusal: 'not-applicable', inForce: 3 });
    expect((await keeper()).inForce.version).toBe(3);
  });
});

describe('a policy with which the tunnel does not work any more', () => {
  /** Version 3 in force and proven, then version 4, then `later` after its time of trial. */
  async function trial(later: TunnelHealth): Promise<PolicyKeeper> {
    const it = await keeper();
    await it.receive(await signed(3));
    nowMs += PROBATION_MS;
    health = { established: true, sent: 200, delivered: 200 };
    await it.tick();
    await it.receive(await signed(4));
    acks.length = 0;
    // It still carried something right after the switch: what counts is the end.
    health = { established: true, sent: 220, delivered: 220 };
    nowMs += PROBATION_MS - JUDGED_MS;
    await it.tick();
    health = later;
    nowMs += JUDGED_MS - 1;
    await it.tick();
    expect(it.inForce.version).toBe(4);
    nowMs += 1;
    await it.tick();
    return it;
  }

  test.each<[string, TunnelHealth]>([
    ['is gone', { established: false, sent: 300, delivered: 300 }],
    ['carries nothing back', { established: true, sent: 300, delivered: 220 }],
  ])('is taken back when the tunnel %s', async (_, later) => {
    const it = await trial(later);
    expect(it.inForce.version).toBe(3);
    expect(applied.at(-1)?.version).toBe(3);
    expect(acks).toEqual([
      expect.objectContaining({ version: 4, outcome: 'reverted', refusal: 'tunnel-lost', inForce: 3 }),
    ]);
    // Neither now nor after a restart.
    await it.receive(await signed(4));
    const again = await keeper();
    expect(again.inForce.version).toBe(3);
    await again.receive(await signed(4));
    expect(again.inForce.version).toBe(3);
    acks.length = 0;
    again.repeat();
    expect(outcomes()).toEqual(['3 applied', '4 reverted']);
    await again.receive(await signed(5));
    expect(again.inForce.version).toBe(5);
  });

  test.each<[string, TunnelHealth]>([
    ['works', { established: true, sent: 300, delivered: 250 }],
    ['has nothing to carry', { established: true, sent: 222, delivered: 220 }],
    ['was started anew and works', { established: true, sent: 20, delivered: 10 }],
  ])('stays when the tunnel %s', async (_, later) => {
    expect((await trial(later)).inForce.version).toBe(4);
    expect((await keeper()).onProbation).toBe(false);
  });

  test('is not blamed when there was no tunnel before it either', async () => {
    health = { established: false, sent: 0, delivered: 0 };
    const it = await keeper();
    await it.receive(await signed(3));
    nowMs += PROBATION_MS;
    await it.tick();
    expect(it.inForce.version).toBe(3);
  });

  /** Version 3 in force and proven, version 4 on trial. */
  async function onTrial(): Promise<void> {
    const first = await keeper();
    await first.receive(await signed(3));
    nowMs += PROBATION_MS;
    health = { established: true, sent: 200, delivered: 200 };
    await first.tick();
    await first.receive(await signed(4));
  }

  test('is on trial again after a restart, from the moment at which the tunnel stands', async () => {
    await onTrial();
    const it = await keeper();
    expect([it.inForce.version, it.onProbation]).toEqual([4, true]);
    // The gateway may be away: that is not the policy's fault.
    health = { established: false, sent: 0, delivered: 0 };
    nowMs += 10 * PROBATION_MS;
    await it.tick();
    expect([it.inForce.version, it.onProbation]).toEqual([4, true]);
    health = { established: true, sent: 3, delivered: 3 };
    await it.tick();
    health = { established: false, sent: 3, delivered: 3 };
    nowMs += PROBATION_MS;
    await it.tick();
    expect(it.inForce.version).toBe(3);
  });

  test('is taken back when the agent ends again and again while it is on trial', async () => {
    await onTrial();
    for (let start = 2; start <= STARTS_ON_PROBATION; start++) expect((await keeper()).inForce.version).toBe(4);
    const it = await keeper();
    expect([it.inForce.version, it.onProbation]).toEqual([3, false]);
  });

  test('is taken back at once when the tunnel dies of it', async () => {
    const it = await keeper();
    await it.receive(await signed(3));
    await it.tunnelDied();
    expect(it.inForce.version).toBe(0);
  });
});

test('damaged files cost at most the policies, never the start', async () => {
  await (await keeper()).receive(await signed(3));
  for (const name of ['policies.json', 'policies.json.copy']) truncateSync(join(folder, name), 30);
  const it = await keeper();
  expect(it.inForce).toMatchObject({ version: 0, default: { strategy: 'adaptive' } });
  await it.receive(await signed(3));
  expect(it.inForce.version).toBe(3);
});
