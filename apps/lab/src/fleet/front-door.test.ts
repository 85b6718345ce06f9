import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { FrontDoor, runningDemo } from './front-door.js';

const folders: string[] = [];
const doors: FrontDoor[] = [];

function data(): string {
  const folder = mkdtempSync(join(tmpdir(), 'corridor-door-'));
  folders.push(folder);
  return folder;
}

async function open(folder: string, port = 0): Promise<FrontDoor> {
  const door = await FrontDoor.open(folder, port);
  doors.push(door);
  return door;
}

afterEach(() => {
  for (const door of doors.splice(0)) door.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const portOf = ({ note }: FrontDoor) => Number(new URL(note.url).port);

it('passes bytes both ways between loopback and the socket inside', async () => {
  const door = await open(data());
  const inside = createServer((socket) => socket.pipe(socket)).listen(join(door.note.folder, 'http.sock'));
  const echoed = await new Promise<string>((resolve, reject) => {
    const client = connect(portOf(door), '127.0.0.1', () => client.write('hello'));
    client.on('error', reject).on('data', (bytes) => {
      resolve(String(bytes));
      client.destroy();
    });
  });
  expect(echoed).toBe('hello');
  inside.close();
});

it('takes the next port when the first is taken', async () => {
  const first = await open(data());
  const second = await open(data(), portOf(first));
  expect(portOf(second)).toBeGreaterThan(portOf(first));
});

it('closes a connection while nobody listens inside', async () => {
  const door = await open(data());
  const closed = new Promise((resolve) =>
    connect(portOf(door), '127.0.0.1')
      .on('error', () => {})
      .on('close', resolve),
  );
  await closed;
});

it('leaves no folder and no note', async () => {
  const folder = data();
  const door = await open(folder);
  doors.pop()?.close();
  expect(existsSync(door.note.folder)).toBe(false);
  expect(existsSync(join(folder, 'demo.json'))).toBe(false);
});

it('a note of a process that is gone is no running demo', async () => {
  const folder = data();
  expect(runningDemo(folder)).toBeUndefined();
});
