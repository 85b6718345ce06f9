import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** A gateway to develop against: `CORRIDOR_GATEWAY=https://… npx vite apps/console`; by default the fixture server's address. */
const gateway = process.env.CORRIDOR_GATEWAY ?? 'http://127.0.0.1:8090';

/** Puts `.br` and `.gz` beside what compresses well: the gateway sends them as they are and never compresses itself. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir }) {
      const assets = join(dir as string, 'assets');
      for (const name of readdirSync(assets).filter((file) => /\.(m?js|css|json)$/.test(file))) {
        const source = readFileSync(join(assets, name));
        if (source.length < 1024) continue;
        writeFileSync(
          join(assets, `${name}.br`),
          brotliCompressSync(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
        );
        writeFileSync(join(assets, `${name}.gz`), gzipSync(source, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), compressed()],
  resolve: { conditions: ['source', 'browser', 'module', 'import', 'default'] },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: gateway, ws: true, secure: false, changeOrigin: true } },
  },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    // The content security policy has neither inline scripts nor data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The map (MapLibre) is one library of 1.1 MB and loads apart; `test/budget.test.ts` holds the sizes.
    chunkSizeWarningLimit: 1200,
  },
});
