// A long list whose rows are drawn as its end comes into view (ListEnd.vue).
import { computed, ref, watch, type ComputedRef, type WatchSource } from 'vue'

/** Rows that are drawn at first, and each time. */
const STEP = 24

export interface Growing<T> {
  shown: ComputedRef<T[]>
  /** whether there are rows that are not drawn */
  more: ComputedRef<boolean>
  grow: () => void
}

/** Begin with the first rows of *list*, and again when something in *anew* changes. */
export function useGrowing<T>(list: () => readonly T[], anew: WatchSource[]): Growing<T> {
  const count = ref(STEP)
  watch(anew, () => (count.value = STEP))
  return {
    shown: computed(() => list().slice(0, count.value)),
    more: computed(() => list().length > count.value),
    grow: () => (count.value += STEP),
  }
}
