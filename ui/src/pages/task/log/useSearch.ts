// The search in a log: hits appear while it goes on.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import type { LogFeed } from '@/log/feed'
import { MOST, pattern, search, type Hit } from '@/log/search'

/** Milliseconds after the last key. */
const PAUSE = 120
const SLICE = 8

export interface Search {
  text: Ref<string>
  hits: Ref<Hit[]>
  /** the present hit; -1 if there is none */
  index: Ref<number>
  present: Ref<Hit | undefined>
  /** the expression, or undefined if nothing is sought */
  sought: Ref<RegExp | undefined>
  /** whether there are more hits than are counted */
  more: Ref<boolean>
  step: (by: number) => void
}

/** Search in *feed*; *near* returns the line from which the first hit is taken. */
export function useSearch(feed: LogFeed, first: string, near: () => number): Search {
  const text = ref(first)
  const hits = shallowRef<Hit[]>([])
  const index = ref(-1)
  let timer: ReturnType<typeof setTimeout> | undefined
  let reached = 0
  let steps: ReturnType<typeof search> | undefined

  function begin(): void {
    hits.value = []
    index.value = -1
    reached = 0
    steps = text.value ? search(feed.store, text.value) : undefined
    work()
  }

  function work(): void {
    clearTimeout(timer)
    if (!steps) return
    const until = performance.now() + SLICE
    const found: Hit[] = []
    let done = false
    while (!done && performance.now() < until) {
      const step = steps.next()
      if (step.done) done = true
      else found.push(...step.value)
    }
    if (found.length > 0) {
      hits.value = [...hits.value, ...found]
      if (index.value < 0) choose()
    }
    if (done) [steps, reached] = [undefined, feed.store.length]
    else timer = setTimeout(work)
  }

  function choose(): void {
    const line = near()
    const next = hits.value.findIndex((each) => each.line >= line)
    index.value = next >= 0 ? next : 0
  }

  watch(text, () => {
    clearTimeout(timer)
    steps = undefined
    timer = setTimeout(begin, PAUSE)
  })
  watch(feed.version, () => {
    if (!text.value || steps || timer === undefined || !feed.complete.value) return
    if (feed.store.length === reached || hits.value.length >= MOST) return
    steps = search(feed.store, text.value, reached, hits.value.length)
    timer = setTimeout(work, PAUSE)
  })
  watch(feed.complete, (complete) => complete && text.value && begin(), { immediate: true })
  onScopeDispose(() => clearTimeout(timer))

  return {
    text,
    hits,
    index,
    present: computed(() => hits.value[index.value]),
    sought: computed(() => (text.value ? pattern(text.value) : undefined)),
    more: computed(() => hits.value.length >= MOST),
    step(by) {
      const count = hits.value.length
      if (count > 0) index.value = (index.value + by + count) % count
    },
  }
}
