#!/usr/bin/env -S node --single-threaded-gc --no-memory-reducer
// Why the flags: the packets' thread lives in this process; see docs/decisions/0008-the-packet-thread-goes-first.md.
import { cli } from '../dist/cli.js';

process.exitCode = await cli(process.argv.slice(2));
