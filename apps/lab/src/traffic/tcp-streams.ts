/** Helper processes, one a host, started when they are first needed; TCP streams between them. */
import { fileURLToPath } from 'node:url';
import type { Netns } from '../sandbox/netns.js';
import { Remote } from '../thread/rpc.js';
import type { PeerMethods } from './peer.js';
import type { TcpRecord } from './streams.js';

const PEER = fileURLToPath(new URL('./peer.js', import.meta.url));
const PORT = 5001;

export interface StreamPlan {
  readonly flow: number;
  /** The host that connects, and the one that listens with its address. */
  readonly client: Netns;
  readonly server: Netns;
  readonly address: string;
  /** `up`: the connecting host sends. */
  readonly direction: 'up' | 'down';
  /** Bytes to send; null: until stopped. */
  readonly bytes: number | null;
  /** Done right before the stream is opened, with no other opened meanwhile: settings for new sockets of its hosts. */
  readonly prepare?: () => Promise<void>;
}

/** Both ends of a stream. */
export interface StreamRecord {
  readonly flow: number;
  readonly sent: TcpRecord;
  readonly received: TcpRecord;
}

export class TcpStreams {
  private readonly peers = new Map<string, Promise<Remote<PeerMethods>>>();
  private readonly plans = new Map<number, StreamPlan>();
  private opening: Promise<void> = Promise.resolve();

  /** Opens a stream; resolves when its connection stands. One at a time. */
  open(plan: StreamPlan): Promise<void> {
    const opened = this.opening.then(() => this.openNow(plan));
    this.opening = opened.catch(() => {});
    return opened;
  }

  private async openNow(plan: StreamPlan): Promise<void> {
    const [client] = await Promise.all([this.peer(plan.client), this.peer(plan.server)]);
    this.plans.set(plan.flow, plan);
    await plan.prepare?.();
    const { flow, address, bytes } = plan;
    const sender = plan.direction === 'up' ? 'connecting' : 'listening';
    await client.call('open', { flow, address, port: PORT, sender, bytes });
  }

  async stop(flow: number): Promise<void> {
    await (await this.ends(flow)).sender.call('stop', flow);
  }

  /** Resolves when both ends have seen the end of the stream. */
  async ended(flow: number): Promise<StreamRecord> {
    const { sender, receiver } = await this.ends(flow);
    const [sent, received] = await Promise.all([sender.call('ended', flow), receiver.call('ended', flow)]);
    return { flow, sent, received };
  }

  has(flow: number): boolean {
    return this.plans.has(flow);
  }

  /** What both ends know now, of all streams that stand. */
  async records(): Promise<StreamRecord[]> {
    const all = new Map<string, Promise<TcpRecord[]>>();
    for (const [name, peer] of this.peers)
      all.set(
        name,
        peer.then((remote) => remote.call('records')),
      );
    const records: StreamRecord[] = [];
    for (const plan of this.plans.values()) {
      const { sender, receiver } = roles(plan);
      const find = async (host: Netns) => (await all.get(host.name))?.find(({ flow }) => flow === plan.flow);
      const [sent, received] = await Promise.all([find(sender), find(receiver)]);
      if (sent !== undefined && received !== undefined) records.push({ flow: plan.flow, sent, received });
    }
    return records;
  }

  /** Forgets a stream. */
  remove(flow: number): void {
    this.plans.delete(flow);
  }

  async close(): Promise<void> {
    await Promise.all([...this.peers.values()].map(async (peer) => (await peer).close()));
  }

  private async ends(flow: number) {
    const plan = this.plans.get(flow);
    if (plan === undefined) throw new Error(`there is no stream ${flow}`);
    const { sender, receiver } = roles(plan);
    return { sender: await this.peer(sender), receiver: await this.peer(receiver) };
  }

  /** The helper in a host. */
  peer(host: Netns): Promise<Remote<PeerMethods>> {
    let peer = this.peers.get(host.name);
    if (peer === undefined) {
      peer = startPeer(host);
      this.peers.set(host.name, peer);
    }
    return peer;
  }
}

function roles({ client, server, direction }: StreamPlan): { sender: Netns; receiver: Netns } {
  return direction === 'up' ? { sender: client, receiver: server } : { sender: server, receiver: client };
}

async function startPeer(host: Netns): Promise<Remote<PeerMethods>> {
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const child = host.spawn(process.execPath, [PEER], { stdio: [...stdio], detached: true });
  const remote = Remote.process<PeerMethods>(child, `the helper in ${host.name}`);
  await remote.call('listen', PORT);
  return remote;
}
