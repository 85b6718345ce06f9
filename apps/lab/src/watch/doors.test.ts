import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Doors } from './doors.js';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'doors-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('passes a conversation through in both directions, and is gone when closed', async () => {
  const parent = scratch();
  const target = join(parent, 'inside.sock');
  const server = createServer((socket) => socket.on('data', (data) => socket.end(`heard ${data}`)));
  await new Promise<void>((resolve) => server.listen(target, resolve));
  onTestFinished(() => void server.close());
  const doors = await Doors.create(parent);
  const door = await doors.open('gateway', target);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    connect(door, function (this: import('node:net').Socket) {
      this.write('status');
    })
      .on('data', (data) => {
        text += data;
      })
      .on('close', () => resolve(text));
  });
  expect(answer).toBe('heard status');
  doors.close();
  expect(existsSync(dirname(door))).toBe(false);
});

it('removes what a killed demo left, and leaves a running one alone', async () => {
  const parent = scratch();
  const running = await Doors.create(parent);
  const door = await running.open('gateway', join(parent, 'nobody.sock'));
  mkdirSync(join(parent, 'corridor-lab-killed'));
  const next = await Doors.create(parent);
  expect(existsSync(join(parent, 'corridor-lab-killed'))).toBe(false);
  expect(existsSync(door)).toBe(true);
  running.close();
  next.close();
  expect(readdirSync(parent)).toEqual([]);
});
