export const USAGE = `corridor-agent: keeps one vehicle connected

  corridor-agent enroll URL CLAIM [--replace] [--no-wait]  make keys and trade the claim for credentials; waits for an
                                                           operator's approval where the gateway wants one
  corridor-agent run                                       run the vehicle's tunnel until SIGTERM or SIGINT
  corridor-agent status [--json]                           show enrolment, tunnel, paths, control connection, policy, clock
  corridor-agent unenroll [--stop]                         wipe the keys and tell the gateway; --stop ends a running agent
  corridor-agent version | help

  --config FILE   configuration, checked against its schema (default /etc/corridor/agent.json; it need not exist)

Exit codes: 0 done, 1 failed, 2 wrong use or wrong configuration, 3 not enrolled, or still waiting for approval.
`;
