// Work in several tasks of the browser instead of one, so that no script is long.
import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** Resolves in a task of its own. */
export const nextTask = () => new Promise<void>((resolve) => setTimeout(resolve))

/** Becomes true one frame after *ready* first is. */
export function useFrameLater(ready: () => boolean): Readonly<Ref<boolean>> {
  const later = ref(false)
  let frame = 0
  const stop = watch(
    ready,
    (is) => {
      if (is && !frame) frame = requestAnimationFrame(() => (later.value = true))
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    stop()
    cancelAnimationFrame(frame)
  })
  return later
}
