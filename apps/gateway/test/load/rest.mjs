/** The REST API over the gateway's unix socket, with connections that stay open, logged in as an operator. */
import { Agent, request } from 'node:http';

export class Rest {
  /** @param {string} socketPath */
  constructor(socketPath, headers = {}, agent = new Agent({ keepAlive: true, maxSockets: 16 })) {
    this.socketPath = socketPath;
    this.headers = headers;
    this.agent = agent;
  }

  /** @returns {Promise<Rest>} a client with a session of its own */
  async login(username, password) {
    const { headers, body } = await this.send('POST', '/api/v1/session', { username, password });
    const cookie = [headers['set-cookie']].flat()[0].split(';')[0];
    return new Rest(this.socketPath, { cookie, 'x-corridor-csrf': body.csrfToken }, this.agent);
  }

  get = async (path) => (await this.send('GET', path)).body;
  post = async (path, body) => (await this.send('POST', path, body)).body;
  put = async (path, body) => (await this.send('PUT', path, body)).body;

  /** @throws Error for every answer but 2xx, with what the gateway said */
  send(method, path, body) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = text === undefined ? {} : { 'content-type': 'application/json' };
    const options = {
      socketPath: this.socketPath,
      agent: this.agent,
      method,
      path,
      headers: { ...this.headers, ...type },
    };
    return new Promise((resolve, reject) => {
      const call = request(options, (response) => {
        let said = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          said += chunk;
        });
        response.on('end', () => {
          const { statusCode, headers } = response;
          if (statusCode >= 300) return reject(new Error(`${method} ${path}: ${statusCode} ${said.slice(0, 300)}`));
          resolve({ headers, body: said === '' ? undefined : JSON.parse(said) });
        });
      });
      call.on('error', reject);
      call.end(text);
    });
  }
}

/** Runs `work` on all items, `width` at a time. */
export async function inParallel(items, width, work) {
  const queue = [...items.entries()];
  const results = new Array(items.length);
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
