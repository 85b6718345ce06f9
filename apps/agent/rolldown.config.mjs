/**
 * The agent and its engine's thread as one program of a few files: comments, and what it does not use of its packages, stay on
 * disk instead of taking six megabytes of memory in every vehicle. Names and lines stay, so that a stack can be read.
 */
export default {
  input: { cli: 'dist/cli.js', worker: '../../libs/tunnel-host/dist/worker.js' },
  platform: 'node',
  // The native addon is found beside its package; ws loads optional ones.
  external: ['@corridor/packet-io', 'ws'],
  output: {
    dir: 'build/program',
    cleanDir: true,
    chunkFileNames: '[name].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
  },
};
