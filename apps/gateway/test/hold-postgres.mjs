/** Starts the embedded PostgreSQL of the build in the folder that is named, prints its state as one line and holds it. */
import { EmbeddedPostgres } from '../dist/store/embedded/embedded-postgres.js';

const [folder] = process.argv.slice(2);
try {
  const server = await EmbeddedPostgres.start(folder, { unsafe: true });
  process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url('corridor') })}\n`);
  process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
}
setInterval(() => undefined, 1000);
