#!/usr/bin/env -S node --single-threaded-gc --no-memory-reducer
// Why the flags: the packets' thread lives in this process; see docs/decisions/0008-the-packet-thread-goes-first.md.
import { cli } from '../dist/cli.js';

// A start that fails half-way leaves threads and children that would keep the process; output to pipes is written by then.
process.exit(await cli(process.argv.slice(2)));
