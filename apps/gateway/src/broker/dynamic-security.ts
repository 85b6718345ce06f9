import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';

const COMMANDS = '$CONTROL/dynamic-security/v1';
const RESPONSES = `${COMMANDS}/response`;
const ANSWER_TIMEOUT_MS = 5_000;

export interface Command {
  readonly command: string;
  readonly [key: string]: unknown;
}

export interface CommandResult {
  readonly command: string;
  /** As mosquitto words it; undefined: done. */
  readonly error?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly results: (CommandResult | undefined)[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (results: CommandResult[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Commands to mosquitto's dynamic security plug-in over one connection of the user that administers it. The plug-in answers
 * on a topic that every administrator hears, so each command carries a number of ours.
 */
export class DynamicSecurity {
  readonly #waiting = new Map<string, Waiting>();

  private constructor(private readonly client: MqttClient) {
    client.on('message', (topic, payload) => {
      if (topic === RESPONSES) this.#take(payload.toString('utf8'));
    });
    client.on('close', () => this.#fail(new Error('the connection to the MQTT broker is lost')));
  }

  /** @param client connected @throws Error when the user may not administer dynamic security */
  static async over(client: MqttClient): Promise<DynamicSecurity> {
    const security = new DynamicSecurity(client);
    const [granted] = await client.subscribeAsync(RESPONSES, { qos: 1 });
    if (granted === undefined || granted.qos === 128) {
      throw new Error('the user of MQTT_URL does not administer dynamic security');
    }
    return security;
  }

  /**
   * Runs commands in order; mosquitto runs all of them, whatever becomes of one.
   * @returns what became of each
   * @throws Error when no answer came in time
   */
  async run(commands: readonly Command[]): Promise<CommandResult[]> {
    const id = randomUUID();
    const answer = new Promise<CommandResult[]>((resolve, reject) => {
      const timer = setTimeout(
        () => this.#end(id)?.reject(new Error('dynamic security did not answer')),
        ANSWER_TIMEOUT_MS,
      );
      this.#waiting.set(id, { results: commands.map(() => undefined), timer, resolve, reject });
    });
    // Where the publication itself fails, its error is the one that counts.
    answer.catch(() => undefined);
    const numbered = commands.map((command, index) => ({ ...command, correlationData: `${id} ${index}` }));
    try {
      await this.client.publishAsync(COMMANDS, JSON.stringify({ commands: numbered }), { qos: 1 });
    } catch (error) {
      this.#end(id);
      throw error;
    }
    return answer;
  }

  #take(text: string): void {
    for (const { correlationData, ...result } of responsesOf(text)) {
      const [id, index] = (correlationData ?? '').split(' ') as [string, string?];
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) continue;
      waiting.results[Number(index)] = result;
      if (waiting.results.every((each) => each !== undefined)) {
        this.#end(id);
        waiting.resolve(waiting.results as CommandResult[]);
      }
    }
  }

  #end(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(id);
    return waiting;
  }

  #fail(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#end(id)?.reject(error);
  }
}

function responsesOf(text: string): (CommandResult & { correlationData?: string })[] {
  try {
    const { responses } = JSON.parse(text) as { responses?: unknown };
    return Array.isArray(responses) ? responses : [];
  } catch {
    return [];
  }
}
