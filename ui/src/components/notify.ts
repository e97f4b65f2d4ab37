// Notices after an action, with a way back where there is one.
import { useToast } from '@nuxt/ui/composables'
import { ApiError } from '@/api/client'
import { t } from '@/locales'
import { sentenceOf } from './sentences'

export interface Notify {
  done: (text: string, undo?: () => void) => void
  /** Say why the server refused; anything else is thrown again. */
  failed: (error: unknown) => void
}

/** Return functions that show notices; call it in the setup of a component. */
export function useNotify(): Notify {
  const toast = useToast()
  return {
    done(text, undo) {
      const actions = undo
        ? [{ label: t('common.verb.undo'), color: 'neutral' as const, onClick: undo }]
        : undefined
      toast.add({ title: text, color: 'neutral', icon: 'i-lucide-check', actions })
    },
    failed(error) {
      if (!(error instanceof ApiError)) throw error
      toast.add({ title: sentenceOf(error), color: 'error', icon: 'i-lucide-circle-alert' })
    },
  }
}
