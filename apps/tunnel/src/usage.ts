export const USAGE = `corridor-tunnel: one tunnel over several uplinks

  corridor-tunnel keygen                                   print a new private key
  corridor-tunnel pubkey                                   read a private key on standard input, print its public key
  corridor-tunnel run --config FILE                        run the tunnel until SIGTERM or SIGINT
  corridor-tunnel check --config FILE                      check a config and say what is wrong with it
  corridor-tunnel status [--json] --control SOCKET         show peers, paths and counters
  corridor-tunnel watch [--json] --control SOCKET          print what happens, as it happens
  corridor-tunnel policy --control SOCKET FILE             switch the policy at run time
  corridor-tunnel link down|up NAME [--vehicle V] --control SOCKET
                                                           drill: take a path out of use, or put it back
  corridor-tunnel version | help

Exit codes: 0 done, 1 failed, 2 wrong use or wrong config.
`;

/** The command line cannot be understood; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
