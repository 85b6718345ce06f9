/**
 * The demo's face outside the sandbox: a listener on this machine's loopback that passes every connection to the
 * gateway's unix socket, the folder of the sockets, and a note in the data folder that says where a running demo is.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const PREFIX = 'corridor-demo-';
const PORTS_TO_TRY = 50;

/** `demo.json` in the data folder while a demo runs on it. */
const Note = z.object({ pid: z.int(), folder: z.string(), url: z.string() });
export type Note = z.infer<typeof Note>;

export class FrontDoor {
  private readonly connections = new Set<Socket>();
  private readonly atExit = () => this.remove();

  private constructor(
    readonly note: Note,
    private readonly noteFile: string,
    private readonly server: Server,
  ) {
    process.once('exit', this.atExit);
    server.on('connection', (outside) => this.pass(outside));
  }

  /** @throws Error with one sentence when a demo runs on this data already, or no port is free. */
  static async open(data: string, port: number): Promise<FrontDoor> {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const running = runningDemo(data);
    if (running !== undefined)
      throw new Error(`a demo runs on ${data} already: ${running.url} (process ${running.pid})`);
    const abandoned = readNote(data)?.folder;
    if (abandoned?.startsWith(join(tmpdir(), PREFIX))) rmSync(abandoned, { recursive: true, force: true });
    const server = createServer({ pauseOnConnect: true });
    const url = `http://127.0.0.1:${await listen(server, port)}`;
    const note = { pid: process.pid, folder: mkdtempSync(join(tmpdir(), PREFIX)), url };
    const noteFile = noteIn(data);
    writeFileSync(noteFile, JSON.stringify(note), { mode: 0o600 });
    return new FrontDoor(note, noteFile, server);
  }

  close(): void {
    this.server.close();
    for (const connection of this.connections) connection.destroy();
    process.off('exit', this.atExit);
    this.remove();
  }

  private pass(outside: Socket): void {
    const inside = connect(join(this.note.folder, 'http.sock'));
    const end = () => {
      outside.destroy();
      inside.destroy();
      this.connections.delete(outside);
    };
    this.connections.add(outside);
    outside.setNoDelay(true);
    outside.on('error', end).on('close', end).pipe(inside);
    inside.on('error', end).on('close', end).pipe(outside);
  }

  private remove(): void {
    rmSync(this.note.folder, { recursive: true, force: true });
    rmSync(this.noteFile, { force: true });
  }
}

/** The demo that runs on this data, if one does. */
export function runningDemo(data: string): Note | undefined {
  const note = readNote(data);
  return note !== undefined && isAlive(note) ? note : undefined;
}

function noteIn(data: string): string {
  return join(data, 'demo.json');
}

function readNote(data: string): Note | undefined {
  try {
    return Note.parse(JSON.parse(readFileSync(noteIn(data), 'utf8')));
  } catch {
    return undefined;
  }
}

/** A process id may have been given to somebody else since: the folder of a living demo is open in its environment. */
function isAlive({ pid, folder }: Note): boolean {
  try {
    process.kill(pid, 0);
    return existsSync(folder) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lab');
  } catch {
    return false;
  }
}

async function listen(server: Server, first: number): Promise<number> {
  const ports = first === 0 ? [0] : Array.from({ length: PORTS_TO_TRY }, (_, more) => first + more);
  for (const port of ports) {
    if (await tryPort(server, port)) return (server.address() as { port: number }).port;
  }
  throw new Error(
    `no port from ${first} to ${first + PORTS_TO_TRY - 1} is free on 127.0.0.1: name another with --port.`,
  );
}

function tryPort(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off('listening', done);
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const done = () => {
      server.off('error', failed);
      resolve(true);
    };
    server.once('error', failed).once('listening', done).listen(port, '127.0.0.1');
  });
}
