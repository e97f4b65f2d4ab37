// @nuxt/ui makes a temporary style element without a nonce, which the policy refuses.
// The colors are in src/styles/tokens.css anyway, so it is left out.
import type { Plugin } from 'vite'

const MODULE = /@nuxt\/ui\/dist\/runtime\/plugins\/colors\.js/
const CONDITION = 'import.meta.client && nuxtApp.isHydrating'

export function strictPolicy(): Plugin {
  return {
    name: 'strict-policy',
    enforce: 'pre',
    transform(code, id) {
      if (!MODULE.test(id)) return null
      if (!code.includes(CONDITION)) this.error(`${id}: the condition has changed`)
      return code.replace(CONDITION, 'false')
    },
  }
}
