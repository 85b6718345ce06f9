import { describe, expect, it } from 'vitest';
import { freshDatabase } from '../../test/postgres.js';

describe('the store', () => {
  it('writes and reads a row of a migrated database', async () => {
    const { store } = await freshDatabase();
    const { id } = await store.client.organisation.create({ data: { name: 'Rettungsdienst' } });
    expect(await store.client.organisation.findUnique({ where: { id } })).toMatchObject({ id, name: 'Rettungsdienst' });
    expect(store.ready).toBe(true);
  });
});
