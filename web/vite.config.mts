import vue from '@vitejs/plugin-vue';
import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const ROOT = import.meta.dirname;
/** The build works on a copy of `dist/`. */
const DIST = process.env.DIST ?? resolve(ROOT, '../dist');

/** For `npm run dev:web`: where the service is that the page talks to. */
const SERVICE = process.env.PARLEY_URL ?? 'http://127.0.0.1:3000';

/** KaTeX names each font in three formats; every browser that runs this page knows the smallest. */
const smallFonts: Plugin = {
  name: 'small-fonts',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('katex.min.css')) return undefined;
    return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, '');
  },
};

export default defineConfig({
  root: ROOT,
  plugins: [smallFonts, vue()],
  resolve: { alias: { '@client': resolve(DIST, 'client/index.js') } },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    outDir: resolve(DIST, 'web'),
    emptyOutDir: true,
    target: 'es2022',
    // Fonts and pictures stay files, which the policy of content lets pass.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': SERVICE } },
});
