export * from './addresses.js';
export * from './face.js';
export { DEFAULT_LINKS, DEFAULT_POLICY, Lab } from './lab.js';
export { insideSandbox, runInSandbox, SandboxError, settleInSandbox } from './sandbox/enter.js';
export { connect, hasCommand, Netns, runCommand } from './sandbox/netns.js';
