import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Seen from `src/http` and from `dist/http`. */
const CONSOLE = fileURLToPath(new URL('../../../console/dist', import.meta.url));
const NOT_OURS = /^\/(?:api|health|assets)(?:\/|$)/;

/** The console: files as they are, hashed ones for ever, and its page for every address that people type or reload. */
export async function serveConsole(fastify: FastifyInstance, directory: string = CONSOLE): Promise<void> {
  if (!existsSync(directory)) {
    fastify.get('/', (_, reply) =>
      reply.type('text/plain').code(404).send('The console has not been built: run "npm run build".\n'),
    );
    return;
  }
  await fastify.register(fastifyStatic, {
    root: directory,
    wildcard: false,
    index: false,
    cacheControl: false,
    // `.br` and `.gz` stand beside what compresses: the console's build puts them there.
    preCompressed: true,
    setHeaders: (reply, path) => void reply.header('cache-control', caching(path)),
  });
  const page = (_: FastifyRequest, reply: FastifyReply) => reply.sendFile('index.html');
  fastify.get('/', page);
  fastify.get('/*', (request, reply) => {
    const [path = ''] = request.url.split('?');
    const wantsPage = (request.headers.accept ?? '').includes('text/html') && !NOT_OURS.test(path);
    return wantsPage ? page(request, reply) : reply.callNotFound();
  });
}

function caching(path: string): string {
  return path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}
