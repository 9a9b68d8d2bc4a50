/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// One script, one style sheet, one page, under names that never change: what is committed differs only
// where the page does.
export default defineConfig(({ mode }) => ({
  base: '/ui/',
  plugins: [svelte()],
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2022',
    cssCodeSplit: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: 'app.js',
        assetFileNames: (asset) => (asset.names[0]?.endsWith('.css') ? 'app.css' : '[name][extname]'),
      },
    },
  },
  test: {
    environment: 'jsdom',
    testTimeout: 90_000,
    hookTimeout: 90_000,
    include: ['tests/component/**/*.test.ts'],
    setupFiles: ['tests/component/setup.ts'],
  },
}));
