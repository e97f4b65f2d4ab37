// The texts by noun, each loaded alone, and the words of the parts of @nuxt/ui.
import type { Files, Tree } from '../languages'

export { fr as library } from '@nuxt/ui/locale'
export const files: Files = import.meta.glob<{ default: Tree }>('./*.json')
