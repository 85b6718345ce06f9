/** The worker thread: engine, packet-io and the loop. Started by TunnelHost; speaks the messages of messages.ts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { WorkerCommand, WorkerMessage, WorkerStart } from './messages.js';
import { takePrecedence } from './precedence.js';
import { TunnelWorker } from './tunnel-worker.js';

if (parentPort === null) throw new Error('worker.js is started by TunnelHost, not by hand');
takePrecedence();
const port: MessagePort = parentPort;
const post = (message: WorkerMessage) => port.postMessage(message);
const { options, streams } = workerData as WorkerStart;
const worker = new TunnelWorker(options, streams, {
  events: (events) => post({ type: 'events', events }),
  fatal: ({ code, message }) => {
    post({ type: 'fatal', code, message });
    port.close();
  },
});

port.on('message', async (command: WorkerCommand) => {
  try {
    post({ type: 'result', id: command.id, result: await worker.perform(command) });
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    post({
      type: 'error',
      id: command.id,
      code: typeof code === 'string' ? code : 'ERR_INTERNAL',
      message: String(message),
    });
  }
  if (command.name === 'close') port.close();
});
