/** One real `corridor-tunnel` process in its host, from a config that the lab writes. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostEvent } from '@corridor/tunnel-host';
import type { Netns } from '../sandbox/netns.js';
import { ControlledProcess } from './controlled-process.js';
import type { TunnelFiles } from './tunnel-config.js';

const BINARY = fileURLToPath(new URL('../../../tunnel/bin/corridor-tunnel.js', import.meta.url));

/** Files of a tunnel called `name` in the lab's private directory. */
export function tunnelFiles(directory: string, name: string): TunnelFiles {
  return { privateKeyFile: `${directory}/${name}.key`, control: `${directory}/${name}.sock` };
}

export class TunnelProcess extends ControlledProcess {
  /** @param onEvent hears what the tunnel reports. @param onDeath hears when it ends by itself, with its last words. */
  constructor(
    name: string,
    host: Netns,
    files: TunnelFiles,
    directory: string,
    privateKey: string,
    config: unknown,
    onEvent: (event: HostEvent) => void,
    onDeath: (error: Error) => void,
  ) {
    const configFile = `${directory}/${name}.json`;
    const { control, privateKeyFile } = files;
    const argv = [BINARY, 'run', '--config', configFile];
    super({ name, host, argv, control, logFile: `${directory}/${name}.log`, onEvent, onDeath });
    writeFileSync(privateKeyFile, `${privateKey}\n`, { mode: 0o600 });
    writeFileSync(configFile, JSON.stringify(config, null, 2));
  }
}
