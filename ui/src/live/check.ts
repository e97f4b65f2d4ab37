// The check of an object by a job of the server: it is read again while it runs.
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'
import { ApiError, type Schemas } from '@/api/client'
import { sentenceOf } from '@/components/sentences'
import { useLoad, type Options } from './load'

/** Milliseconds between two looks at a check that runs. */
const PAUSE = 700

export interface Calls<T> {
  read: (signal: AbortSignal) => Promise<T>
  start: () => Promise<unknown>
  stop: () => Promise<unknown>
}

export interface Checked<T> {
  check: Ref<T | undefined>
  error: Ref<ApiError | undefined>
  /** why it was not started or stopped */
  refusal: Ref<string>
  running: ComputedRef<boolean>
  start: () => Promise<void>
  stop: () => Promise<void>
  reload: () => Promise<void>
}

/** Return the last check of an object, and follow it while it runs. */
export function useCheck<T extends { status?: Schemas['CheckStatus'] }>(
  calls: Calls<T>,
  options: Options<T> = {},
): Checked<T> {
  const { data: check, error, loading, reload } = useLoad(calls.read, options)
  const refusal = ref('')
  const running = computed(() => check.value?.status === 'running')
  let timer: ReturnType<typeof setInterval> | undefined

  watch(running, (runs) => {
    clearInterval(timer)
    if (runs) timer = setInterval(() => loading.value || void reload(), PAUSE)
  })
  onScopeDispose(() => clearInterval(timer))

  async function order(call: () => Promise<unknown>): Promise<void> {
    refusal.value = ''
    try {
      await call()
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused
      refusal.value = sentenceOf(refused)
    }
    await reload()
  }

  return {
    check,
    error,
    refusal,
    running,
    reload,
    start: () => order(calls.start),
    stop: () => order(calls.stop),
  }
}
