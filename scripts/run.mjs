/** Starting programs for the npm scripts: in this terminal, with its signals, and with an exit code to pass on. */
import { spawn, spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { commandPath, root } from './setup.mjs';

/** `ip` and its friends live in sbin, which is not in everybody's PATH. */
const env = { ...process.env, PATH: [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter) };

/**
 * Runs a command in this terminal until it ends and answers its exit code. Ctrl-C reaches the child from the terminal;
 * a SIGTERM to this process is passed on: the child cleans up, then both end.
 */
export function run(command, args, extraEnv = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...env, ...extraEnv } });
    const ignore = () => {};
    const pass = () => child.kill('SIGTERM');
    process.on('SIGINT', ignore).on('SIGTERM', pass).on('SIGHUP', pass);
    child.on('error', reject).on('exit', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', pass).off('SIGHUP', pass);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** A program of ours by its file below the root; the file's first line names the engine's flags, so it is run itself. */
export const program = (file, ...args) => run(join(root, file), args);

/** The lab's command line, compiled. */
export const lab = (...args) => run(process.execPath, [join(root, 'apps/lab/dist/main.js'), ...args]);

/**
 * The words to put before a command so that it runs as root of network, mount and process namespaces of its own, or the
 * reason why this machine does not allow that. What the command leaves behind dies with it.
 */
export function sandbox() {
  const unshare = commandPath('unshare');
  if (unshare === undefined) return { reason: 'the command "unshare" is missing (apt-get install util-linux)' };
  const mapped = process.getuid() === 0 ? [] : ['--map-root-user'];
  const words = [...mapped, '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const shell = ['/bin/sh', '-c', 'ip link set lo up && test -w /dev/net/tun && "$@"', 'corridor-sandbox'];
  const trial = spawnSync(unshare, [...words, ...shell, 'true'], { env, encoding: 'utf8' });
  if (trial.status === 0) return { prefix: [unshare, ...words, ...shell] };
  const said = trial.stderr.trim().split('\n').at(-1) || '/dev/net/tun is missing or not writable';
  const hint =
    mapped.length > 0 ? 'run as root, or allow unprivileged user namespaces' : 'the container needs CAP_SYS_ADMIN';
  return { reason: `${said}: ${hint}` };
}
