/** Changes the kernel's network configuration through `ip` (iproute2). */
import { execFile } from 'node:child_process';
import { HostError } from '../errors.js';

// Capability-only users often lack the sbin directories in their path.
const PATH = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;

function run(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, PATH, LC_ALL: 'C' }, maxBuffer: 64 << 20, timeout: 10_000 };
    const child = execFile('ip', args as string[], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return reject(new HostError('ERR_HOST_SYSTEM', 'the program "ip" is missing: install iproute2'));
      }
      reject(new HostError('ERR_HOST_SYSTEM', stderr.trim() || error.message));
    });
    // A program that cannot be started has no pipe to write to; the callback above tells why.
    child.stdin?.on('error', () => {});
    if (input !== undefined) child.stdin?.end(input);
  });
}

/**
 * Runs several `ip` commands in one process, in order, up to the first that fails.
 * @throws HostError naming the command and the kernel's reason.
 */
export async function ipBatch(commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  try {
    await run(['-batch', '-'], `${commands.join('\n')}\n`);
  } catch (error) {
    throw explain(error as HostError, commands);
  }
}

/** iproute2 ends with "RTNETLINK answers: reason" and "Command failed -:LINE". */
function explain(error: HostError, commands: readonly string[]): HostError {
  const line = /Command failed -:(\d+)/.exec(error.message);
  const command = line ? commands[Number(line[1]) - 1] : undefined;
  if (command === undefined) return error;
  const reason = error.message
    .split('\n')
    .filter((text) => !text.startsWith('Command failed'))
    .join(' ')
    .replace(/^(RTNETLINK answers|Error): /, '');
  return new HostError('ERR_HOST_SYSTEM', `"ip ${command}" failed: ${reason}`);
}
