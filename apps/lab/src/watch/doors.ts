/**
 * Doors into the lab: its control sockets lie inside the sandbox, so each gets a socket outside that passes everything
 * through. Then `corridor-tunnel status --control …` works from any other terminal of the same user.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'corridor-lab-';

export class Doors {
  readonly #servers: Server[] = [];
  readonly #remove = () => rmSync(this.folder, { recursive: true, force: true });

  private constructor(private readonly folder: string) {}

  /** Makes a folder for this user only; folders of demos that were killed go first. */
  static async create(parent = tmpdir()): Promise<Doors> {
    await removeAbandoned(parent);
    const doors = new Doors(mkdtempSync(join(parent, PREFIX)));
    process.once('exit', doors.#remove);
    return doors;
  }

  /** Opens a door called `name` to the socket `target` and answers its path. */
  async open(name: string, target: string): Promise<string> {
    const path = join(this.folder, `${name}.sock`);
    const server = createServer((outside) => {
      const inside = connect(target);
      const end = () => {
        outside.destroy();
        inside.destroy();
      };
      outside.on('error', end).on('close', end).pipe(inside);
      inside.on('error', end).on('close', end).pipe(outside);
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    this.#servers.push(server.unref());
    return path;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    this.#remove();
    process.off('exit', this.#remove);
  }
}

/** A folder in whose sockets nobody listens belongs to a demo that was killed. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(parent, name);
    try {
      const sockets = readdirSync(folder).filter((entry) => entry.endsWith('.sock'));
      const answers = await Promise.all(sockets.map((socket) => isListening(join(folder, socket))));
      if (!answers.includes(true)) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Somebody else's folder: not ours to look into.
    }
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
