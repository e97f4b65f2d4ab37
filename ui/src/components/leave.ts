// Asks before what was entered is lost.
import { onScopeDispose } from 'vue'
import { onBeforeRouteLeave, onBeforeRouteUpdate, type RouteLocationNormalized } from 'vue-router'
import { t } from '@/locales'
import { confirm, type Question } from './confirm'

/** Whether an address shows another part of the page than the one before. */
type Moves = (to: RouteLocationNormalized, from: RouteLocationNormalized) => boolean

/** What is asked, where it is not the usual question. */
export type Loss = Pick<Question, 'title' | 'consequences' | 'verb'>

function usual(): Loss {
  return {
    title: t('common.discard.title'),
    consequences: [t('common.discard.effect')],
    verb: t('common.discard.verb'),
  }
}

/**
 * Ask before the page is left while *dirty* says that something is not saved, and before
 * its part is left where the address *moves*. Returns the question: true if nothing is
 * lost, or may be. *loss* words it.
 */
export function useGuard(
  dirty: () => boolean,
  { moves, loss }: { moves?: Moves; loss?: () => Loss | undefined } = {},
): () => Promise<boolean> {
  const mayLeave = async () => !dirty() || (await confirm(loss?.() ?? usual()))
  const closing = (event: BeforeUnloadEvent) => dirty() && event.preventDefault()
  window.addEventListener('beforeunload', closing)
  onScopeDispose(() => window.removeEventListener('beforeunload', closing))
  onBeforeRouteLeave(mayLeave)
  if (moves) onBeforeRouteUpdate((to, from) => !moves(to, from) || mayLeave())
  return mayLeave
}
