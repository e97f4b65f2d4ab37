// Does the same to several objects, after its effect was told, and shows what was refused.
import { shallowRef } from 'vue'
import { ApiError } from '@/api/errors'
import type { Schemas } from '@/api/client'
import { number, plural, t, type Key } from '@/locales'
import { confirm, type Question } from './confirm'
import { useNotify } from './notify'
import { sentenceOf } from './sentences'

export interface Item {
  id: number
  name: string
}

export interface Outcome {
  /** how many were done, and of how many */
  title: string
  refused: { id: number; name: string; reason: string }[]
}

/** What was refused at the last time; null if nothing was, or it was read. */
export const outcome = shallowRef<Outcome | null>(null)

/** Names that a sentence tells; more are counted. */
const TOLD = 8

/** Return the names of *items* for a sentence. */
export function names(items: readonly Item[]): string {
  const told = items.slice(0, TOLD).map((each) => each.name)
  const more = items.length - told.length
  const list = told.join(', ')
  return more > 0 ? plural('common.bulk.more', more, { names: list }) : list
}

/** Return what became of *items*, if not all were done. */
export function outcomeOf(
  items: readonly Item[],
  results: readonly Schemas['ItemResult'][],
): Outcome | null {
  const byId = new Map(items.map((each) => [each.id, each.name]))
  const refused = results
    .filter((each) => each.status >= 300)
    .map((each) => ({
      id: each.id,
      name: byId.get(each.id) ?? `#${each.id}`,
      reason: sentenceOf(new ApiError(each.status, each.error ?? '')),
    }))
  if (refused.length === 0) return null
  const done = results.length - refused.length
  return {
    title: t('common.bulk.partly', { done: number(done), n: number(results.length) }),
    refused,
  }
}

/**
 * Return a function that asks, does the same to *items*, and says what came of it: *done*
 * is the text for all of them. It returns whether something was done.
 */
export function useBulk() {
  const notify = useNotify()
  return async (
    items: readonly Item[],
    question: Question,
    send: (ids: number[]) => Promise<Schemas['BulkResults']>,
    done: Key,
  ): Promise<boolean> => {
    if (items.length === 0 || !(await confirm(question))) return false
    try {
      const { results } = await send(items.map((each) => each.id))
      outcome.value = outcomeOf(items, results)
      if (!outcome.value) notify.done(plural(done, items.length))
    } catch (error) {
      notify.failed(error)
      return false
    }
    return true
  }
}
