import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** A gateway to develop against: `CORRIDOR_GATEWAY=https://… npx vite apps/console`; by default the fixture server's address. */
const gateway = process.env.CORRIDOR_GATEWAY ?? 'http://127.0.0.1:8090';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
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
