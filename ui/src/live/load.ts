// Data of a page that stays current: loaded, and loaded again when an event says so.
import { onScopeDispose, ref, shallowRef, watch, type Ref, type WatchSource } from 'vue'
import { ApiError } from '@/api/client'
import { isPassing } from '@/api/errors'
import { on, type Event } from './bus'

/** Milliseconds in which several events cause one request. */
const TOGETHER = 200
/** Milliseconds until what did not arrive is asked for again. */
const AGAIN = 5_000

export interface Loaded<T> {
  /** undefined until the first answer */
  data: Ref<T | undefined>
  /** the last refusal; the data before it stays */
  error: Ref<ApiError | undefined>
  loading: Ref<boolean>
  reload: () => Promise<void>
}

export interface Options<T> {
  /** What the data depends on; a change loads it anew. */
  watch?: WatchSource[]
  /** What may have changed the data; then it is loaded again, and stays until it is here. */
  again?: WatchSource[]
  /** Which events load it again, beside every refresh. */
  when?: (event: Event) => boolean
  /** Milliseconds after an answer until it is loaded again, while the page is visible: for
   * changes that no event tells of. */
  every?: number
  /** What to do with new data; by default it replaces the former. */
  take?: (next: T, before: T | undefined) => T
}

/** Load data with *read* now, again as *options* say, and again after a while if no
 * answer came, until the component goes. */
export function useLoad<T>(
  read: (signal: AbortSignal) => Promise<T>,
  options: Options<T> = {},
): Loaded<T> {
  const data = shallowRef<T>()
  const error = ref<ApiError>()
  const loading = ref(false)
  let running: AbortController | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let nextLook: ReturnType<typeof setTimeout> | undefined

  async function reload(): Promise<void> {
    clearTimeout(timer)
    clearTimeout(retry)
    clearTimeout(nextLook)
    timer = undefined
    running?.abort()
    const mine = (running = new AbortController())
    loading.value = true
    try {
      const next = await read(mine.signal)
      if (mine.signal.aborted) return
      data.value = options.take ? options.take(next, data.value) : next
      error.value = undefined
      if (options.every) nextLook = setTimeout(look, options.every)
    } catch (caught) {
      if (mine.signal.aborted) return
      if (!(caught instanceof ApiError)) throw caught
      error.value = caught
      if (isPassing(caught)) retry = setTimeout(reload, AGAIN)
    } finally {
      if (running === mine) loading.value = false
    }
  }

  function look(): void {
    if (document.visibilityState === 'visible') void reload()
    else nextLook = setTimeout(look, options.every)
  }

  const soon = () => void (timer ??= setTimeout(reload, TOGETHER))
  on('refresh', soon)
  if (options.when) {
    const chosen = options.when
    for (const kind of ['update', 'change', 'vpn_status'] as const) {
      on(kind, (event) => chosen(event) && soon())
    }
  }
  if (options.watch) {
    watch(options.watch, () => {
      data.value = undefined
      void reload()
    })
  }
  if (options.again) watch(options.again, () => void reload())
  onScopeDispose(() => {
    clearTimeout(timer)
    clearTimeout(retry)
    clearTimeout(nextLook)
    running?.abort()
  })
  void reload()
  return { data, error, loading, reload }
}
