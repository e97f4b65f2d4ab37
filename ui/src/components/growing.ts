// A long list whose rows are drawn as its end comes into view (ListEnd.vue).
import { computed, onScopeDispose, ref, watch, type ComputedRef, type WatchSource } from 'vue'

/** Rows that are drawn at once; and a moment later, and each time that the end is seen. */
const FIRST = 24
const STEP = 60
/** Milliseconds: whoever types is not disturbed by further rows. */
const MOMENT = 400

export interface Growing<T> {
  shown: ComputedRef<T[]>
  /** whether there are rows that are not drawn */
  more: ComputedRef<boolean>
  grow: () => void
}

/** Begin with the first rows of *list*, and again when something in *anew* changes. */
export function useGrowing<T>(list: () => readonly T[], anew: WatchSource[]): Growing<T> {
  const count = ref(FIRST)
  let timer: ReturnType<typeof setTimeout> | undefined
  const grow = () => void (count.value += STEP)
  function begin(): void {
    count.value = FIRST
    clearTimeout(timer)
    timer = setTimeout(grow, MOMENT)
  }
  watch(anew, begin, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))
  return {
    shown: computed(() => list().slice(0, count.value)),
    more: computed(() => list().length > count.value),
    grow,
  }
}
