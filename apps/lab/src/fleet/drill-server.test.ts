import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { serveDrills } from './drill-server.js';

const folder = mkdtempSync(join(tmpdir(), 'corridor-drill-'));
const socketPath = join(folder, 'drill.sock');
let server: Server;
let done: string[] = [];

beforeAll(async () => {
  server = await serveDrills(socketPath, {
    links: async () => [{ vehicle: 'Ambulance 1', link: 'w0', state: 'cut' }],
    drill: async (vehicle, link, action) => {
      done.push(`${action} ${link} of ${vehicle}`);
      return vehicle === 'Ambulance 1' && link === 'w0';
    },
    enrol: async (claim) => {
      if (claim === 'good') return 'Ambulance 4';
      throw new Error('the gateway does not know this claim');
    },
  });
});
beforeEach(() => {
  done = [];
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function ask(method: string, path: string, body?: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    asked.on('error', reject).end(body);
  });
}

it('is for this user only', () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
});

it('tells the links', async () => {
  expect(await ask('GET', '/links')).toEqual({
    status: 200,
    text: '{"links":[{"vehicle":"Ambulance 1","link":"w0","state":"cut"}]}',
  });
});

it('cuts and restores by names with blanks', async () => {
  expect((await ask('POST', '/links/Ambulance%201/w0', '{"action":"cut"}')).status).toBe(204);
  expect((await ask('POST', '/links/Ambulance%201/w0', '{"action":"restore"}')).status).toBe(204);
  expect(done).toEqual(['cut w0 of Ambulance 1', 'restore w0 of Ambulance 1']);
});

it.each([
  ['POST', '/links/Ambulance%201/w9', '{"action":"cut"}', 404, 'there is no link "w9" of "Ambulance 1" in this demo'],
  ['POST', '/links/Ambulance%201/w0', '{"action":"burn"}', 422, 'expected {"action": "cut" or "restore"}'],
  ['POST', '/links/Ambulance%201/w0', 'no json', 422, 'expected {"action": "cut" or "restore"}'],
  ['DELETE', '/links', undefined, 404, 'there is nothing at DELETE /links'],
  ['POST', '/enrolment', '{"claim":"bad"}', 422, 'the gateway does not know this claim'],
  ['POST', '/enrolment', '{}', 422, 'expected {"claim": …}'],
  ['GET', '/%E0%A4%A', undefined, 404, 'there is nothing at GET /%E0%A4%A'],
])('%s %s %s is refused in a sentence', async (method, path, body, status, detail) => {
  const said = await ask(method, path, body);
  expect([said.status, JSON.parse(said.text).detail]).toEqual([status, detail]);
});

it('hands a claim to the spare vehicle', async () => {
  expect(await ask('POST', '/enrolment', '{"claim":"good"}')).toEqual({
    status: 200,
    text: '{"vehicle":"Ambulance 4"}',
  });
});
