// Asks before what was entered is lost.
import { onScopeDispose } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { t } from '@/locales'
import { confirm } from './confirm'

/** Ask whether what was entered may be lost. */
export function mayDiscard(): Promise<boolean> {
  return confirm({
    title: t('common.discard.title'),
    consequences: [t('common.discard.effect')],
    verb: t('common.discard.verb'),
  })
}

/** Ask before the page is left while *dirty* says that something is not saved. */
export function useGuard(dirty: () => boolean): void {
  const closing = (event: BeforeUnloadEvent) => dirty() && event.preventDefault()
  window.addEventListener('beforeunload', closing)
  onScopeDispose(() => window.removeEventListener('beforeunload', closing))
  onBeforeRouteLeave(() => !dirty() || mayDiscard())
}
