// What the palette shows for the words that are typed: its own hits, and the server's.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { frameProject } from '@/api/projects'
import { ApiError } from '@/api/errors'
import { paletteOpen } from './open'
import { finders, sources, type Hit, type Source } from './sources'

type Group = Source['group']
type Hits = Record<Group, Hit[]>

/** Milliseconds without typing until the server is asked. */
const PAUSE = 120

const none = (): Hits => ({ run: [], go: [], act: [] })

export function useHits(term: Ref<string>) {
  const found = shallowRef<Hits>(none())
  const searching = ref(false)
  const own = computed(() => {
    const hits = none()
    for (const each of sources) hits[each.group].push(...each.read(frameProject.value))
    return hits
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined

  async function search(): Promise<void> {
    const mine = (running = new AbortController())
    const hits = none()
    await Promise.all(
      finders.map(async ({ group, find }) => {
        try {
          hits[group].push(...(await find(frameProject.value, term.value.trim(), mine.signal)))
        } catch (error) {
          // what one list refuses, the others may have
          if (!mine.signal.aborted && !(error instanceof ApiError)) throw error
        }
      }),
    )
    if (mine.signal.aborted) return
    found.value = hits
    searching.value = false
  }

  /** Forget what was asked for. */
  function abort(): void {
    clearTimeout(timer)
    running?.abort()
  }

  watch(
    [term, paletteOpen],
    ([, open], before) => {
      abort()
      if (!open) return
      if (!before[1]) found.value = none()
      searching.value = true
      timer = setTimeout(search, PAUSE)
    },
    { immediate: true },
  )
  onScopeDispose(abort)
  return { own, found, searching }
}
