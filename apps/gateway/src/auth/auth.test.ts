import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../test/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
}, 60_000);

describe('a session', () => {
  it('says who is logged in', async () => {
    const { status, body } = await gateway.admin.get('/api/v1/session');
    expect(status).toBe(200);
    expect(body.operator).toMatchObject({ username: 'admin', role: 'admin' });
    expect(body.organisation.name).toBe('Corridor');
  });
});
