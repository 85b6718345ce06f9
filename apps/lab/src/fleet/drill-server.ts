/**
 * What the gateway may ask of the demo: cut and restore emulated links (CORRIDOR_DRILL_SOCKET); and what the command
 * `npm run lab -- enrol` asks of it. HTTP on a unix socket that only this user can open.
 *
 *     GET  /links                    200 {"links":[{"vehicle":"Ambulance 1","link":"w0","state":"up"|"cut"}]}
 *     POST /links/VEHICLE/LINK       {"action":"cut"|"restore"} -> 204
 *     POST /enrolment                {"claim":"corridor1.…"} -> 200 {"vehicle":"…"}
 *
 * Anything else is 404 or 422 {"detail":"one sentence"}.
 */
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { LinkDrill } from '@corridor/contracts';
import { z } from 'zod';

const MOST_BYTES = 10_000;

export interface DrillLink {
  readonly vehicle: string;
  readonly link: string;
  readonly state: 'up' | 'cut';
}

export interface DrillTarget {
  links(): Promise<readonly DrillLink[]>;
  /** False: there is no such link. */
  drill(vehicle: string, link: string, action: 'cut' | 'restore'): Promise<boolean>;
  /** Enrols a spare vehicle; answers its name. @throws Error with one sentence. */
  enrol(claim: string): Promise<string>;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function serveDrills(path: string, target: DrillTarget): Promise<Server> {
  const server = createServer((request, response) => {
    answer(target, request).then(
      ({ status, body }) => send(response, status, body),
      (error: Error) => send(response, error instanceof Refusal ? error.status : 422, { detail: error.message }),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  chmodSync(path, 0o600);
  return server;
}

async function answer(target: DrillTarget, request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
  const { method, url = '/' } = request;
  const [, room, vehicle, link, ...more] = url.split('/').map(decoded);
  if (method === 'GET' && url === '/links') return { status: 200, body: { links: await target.links() } };
  if (method === 'POST' && url === '/enrolment') {
    const { claim } = read(z.object({ claim: z.string() }), await bodyOf(request), '{"claim": …}');
    return { status: 200, body: { vehicle: await target.enrol(claim) } };
  }
  if (method === 'POST' && room === 'links' && vehicle && link && more.length === 0) {
    const { action } = read(LinkDrill, await bodyOf(request), '{"action": "cut" or "restore"}');
    if (await target.drill(vehicle, link, action)) return { status: 204 };
    throw new Refusal(404, `there is no link "${link}" of "${vehicle}" in this demo`);
  }
  throw new Refusal(404, `there is nothing at ${method} ${url}`);
}

/** A part of a path; one that is not well encoded stands for itself and matches nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function read<T>(schema: z.ZodType<T>, body: unknown, expected: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Refusal(422, `expected ${expected}`);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST_BYTES) throw new Refusal(422, `expected at most ${MOST_BYTES} bytes`);
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (body === undefined) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
