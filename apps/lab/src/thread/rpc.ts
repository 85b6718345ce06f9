/**
 * Calls between the lab's main thread and its worker threads and helper processes: one object of methods on the other side, each call a
 * message with an answer. For steering only; packets never pass through here.
 */
import type { ChildProcess } from 'node:child_process';
import { parentPort, Worker } from 'node:worker_threads';

/** Methods that a thread offers. Arguments and answers must be structured-cloneable. */
// biome-ignore lint/suspicious/noExplicitAny: the only way to say "any function" for keyof and Parameters
export type Methods = Record<string, (...args: any[]) => unknown>;

interface CallMessage {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface AnswerMessage {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Called once in a worker thread: answers calls with `methods` until the thread ends. */
export function serve(methods: Methods): void {
  const port = parentPort;
  if (port === null) throw new Error('serve() is for worker threads');
  port.on('message', async (call: CallMessage) => port.postMessage(await answerTo(methods, call)));
}

/** Called once in a child process with an IPC channel; the process ends when its parent has gone. */
export function serveParent(methods: Methods): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', async (call: CallMessage) => process.send?.(await answerTo(methods, call)));
}

async function answerTo(methods: Methods, call: CallMessage): Promise<AnswerMessage> {
  try {
    return { id: call.id, value: await methods[call.method](...call.args) };
  } catch (error) {
    return { id: call.id, error: error instanceof Error ? error.message : String(error) };
  }
}

type Answer<F> = F extends (...args: never[]) => infer R ? Promise<Awaited<R>> : never;
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;

/** The calling end, whatever the messages travel over. */
export class Remote<M extends Methods> {
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private failure: Error | undefined;

  private constructor(
    private readonly post: (call: unknown) => void,
    /** Ends the other side. */
    readonly close: () => Promise<void>,
  ) {}

  /** Starts a worker thread; `onFailure` hears when it dies of an error. */
  static thread<M extends Methods>(script: URL, name: string, onFailure: (error: Error) => void): Remote<M> {
    const worker = new Worker(script, { name });
    const remote = new Remote<M>(
      (call) => worker.postMessage(call),
      async () => void (await worker.terminate()),
    );
    worker.on('message', (answer: AnswerMessage) => remote.settle(answer));
    worker.on('error', (error) => {
      const what = error instanceof Error ? error.stack : String(error);
      onFailure(remote.fail(new Error(`the ${name} thread failed: ${what}`)));
    });
    worker.on('exit', () => remote.fail(new Error(`the ${name} thread has ended`)));
    return remote;
  }

  /** Talks to a child process that was started with an IPC channel. */
  static process<M extends Methods>(child: ChildProcess, name: string): Remote<M> {
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const remote = new Remote<M>(
      (call) => void child.send(call as CallMessage),
      () => {
        child.kill('SIGKILL');
        return exited;
      },
    );
    child.on('message', (answer) => remote.settle(answer as AnswerMessage));
    child.once('error', (error) => remote.fail(new Error(`${name} could not be started: ${error.message}`)));
    child.once('exit', () => remote.fail(new Error(`${name} has ended`)));
    return remote;
  }

  call<K extends keyof M & string>(method: K, ...args: Arguments<M[K]>): Answer<M[K]> {
    const answered = new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      this.post({ id, method, args } satisfies CallMessage);
    });
    return answered as Answer<M[K]>;
  }

  private settle(answer: AnswerMessage): void {
    const call = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.value);
    else call?.reject(new Error(answer.error));
  }

  private fail(error: Error): Error {
    this.failure ??= error;
    for (const call of this.waiting.values()) call.reject(this.failure);
    this.waiting.clear();
    return this.failure;
  }
}
