// Whether somebody is typing: what is half written is not judged.
import { onScopeDispose, ref, type Ref } from 'vue'

/** Milliseconds after the last letter. */
const PAUSE = 800

export interface Pause {
  /** whether nobody is typing */
  rests: Readonly<Ref<boolean>>
  typed: () => void
  /** the field was left */
  rest: () => void
}

export function usePause(milliseconds = PAUSE): Pause {
  const rests = ref(true)
  let timer: ReturnType<typeof setTimeout> | undefined
  function rest(): void {
    clearTimeout(timer)
    rests.value = true
  }
  function typed(): void {
    clearTimeout(timer)
    rests.value = false
    timer = setTimeout(rest, milliseconds)
  }
  onScopeDispose(() => clearTimeout(timer))
  return { rests, typed, rest }
}
