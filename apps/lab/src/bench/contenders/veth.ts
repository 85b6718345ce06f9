import type { Contender } from './contender.js';

/** The cable itself: what the machine's stack can do without any tunnel. */
export const veth: Contender = {
  name: 'raw veth',
  async start(pair) {
    return { detail: 'no tunnel', target: pair.rightAddress, pids: [], stop: async () => {} };
  },
};
