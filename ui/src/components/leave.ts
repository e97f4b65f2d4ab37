// Asks before what was entered is lost.
import { onScopeDispose } from 'vue'
import { onBeforeRouteLeave, onBeforeRouteUpdate, type RouteLocationNormalized } from 'vue-router'
import { user } from '@/api/session'
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

const guards = new Set<() => Promise<boolean>>()

/** Ask whatever leaving the whole page would ask; returns whether it may be left. */
export async function mayLeavePage(): Promise<boolean> {
  for (const mayLeave of guards) if (!(await mayLeave())) return false
  return true
}

/**
 * Ask before the page is left while *dirty* says that something is not saved, and before
 * its part is left where the address *moves*. Returns the question: true if nothing is
 * lost, or may be. *loss* words it. Once the session has ended nothing is asked: what was
 * entered can be neither saved nor kept then.
 */
export function useGuard(
  dirty: () => boolean,
  { moves, loss }: { moves?: Moves; loss?: () => Loss | undefined } = {},
): () => Promise<boolean> {
  const mayLeave = async () => !user.value || !dirty() || (await confirm(loss?.() ?? usual()))
  guards.add(mayLeave)
  const closing = (event: BeforeUnloadEvent) => dirty() && event.preventDefault()
  window.addEventListener('beforeunload', closing)
  onScopeDispose(() => {
    guards.delete(mayLeave)
    window.removeEventListener('beforeunload', closing)
  })
  onBeforeRouteLeave(mayLeave)
  if (moves) onBeforeRouteUpdate((to, from) => !moves(to, from) || mayLeave())
  return mayLeave
}
