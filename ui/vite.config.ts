import { fileURLToPath } from 'node:url'
import vueI18n from '@intlify/unplugin-vue-i18n/vite'
import ui from '@nuxt/ui/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { checkMessages } from './plugins/messages.ts'
import { precompress } from './plugins/precompress.ts'
import { strictPolicy } from './plugins/strictPolicy.ts'
import { theme } from './plugins/theme.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// The server that `npm run dev` takes the API from.
const server = process.env.SEMAPHORE_URL ?? 'https://localhost:3000'

export default defineConfig(({ command }) => ({
  base: './',
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  html: { cspNonce: '__NONCE__' },
  resolve: { alias: { '@': here('./src') } },
  build: {
    outDir: '../semaphore_twisted/web/page/built',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy permits no data: fonts
    chunkSizeWarningLimit: 2000,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Small modules of ours that several pages use are one file, with what they
          // import: each would be another request, and a browser makes six at a time.
          groups: [{ name: 'common', test: /\/ui\/src\//, minShareCount: 3, maxModuleSize: 4_000 }],
        },
      },
    },
  },
  server: {
    // the server believes that its own page asks
    proxy: {
      '/api': {
        target: server,
        secure: false,
        ws: true,
        changeOrigin: true,
        headers: { origin: server },
      },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    // each file sets up what it needs, so all share one process, which loads the page once
    isolate: false,
    fileParallelism: false,
  },
  plugins: [
    {
      name: 'base-in-development',
      transformIndexHtml: (html: string) =>
        command === 'serve' ? html.replace('__BASE__', '/') : html,
    },
    checkMessages(here('./src')),
    strictPolicy(),
    vue(),
    vueI18n({
      include: here('./src/locales/*/*.json'),
      strictMessage: true,
      runtimeOnly: true,
      dropMessageCompiler: true,
      compositionOnly: true,
      fullInstall: false,
    }),
    ui({
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'] } } },
      colorMode: false,
      autoImport: false,
      components: { dts: 'src/components.d.ts' },
      ui: theme,
    }),
    precompress(),
  ],
}))
