// The rows of a list that are chosen, for a verb that does the same to several.
import { computed, ref, type ComputedRef } from 'vue'

/** The API takes no more at a time. */
export const MOST = 100

export interface Selection {
  /** the numbers of the chosen rows, in the order of the list */
  chosen: ComputedRef<number[]>
  /** whether all that can be chosen are, or some of them */
  all: ComputedRef<boolean | 'indeterminate'>
  has: (id: number) => boolean
  pick: (id: number, on: boolean) => void
  pickAll: (on: boolean) => void
  clear: () => void
}

/** Return the selection of a list that has *ids*; a row that leaves the list is not chosen. */
export function useSelection(ids: () => readonly number[]): Selection {
  const picked = ref<ReadonlySet<number>>(new Set())
  const chosen = computed(() => ids().filter((id) => picked.value.has(id)))
  return {
    chosen,
    all: computed(() => {
      const most = Math.min(ids().length, MOST)
      if (chosen.value.length === 0) return false
      return chosen.value.length >= most ? true : 'indeterminate'
    }),
    has: (id) => picked.value.has(id),
    pick(id, on) {
      const next = new Set(chosen.value)
      if (!on) next.delete(id)
      else if (next.size < MOST) next.add(id)
      picked.value = next
    },
    pickAll: (on) => (picked.value = new Set(on ? ids().slice(0, MOST) : [])),
    clear: () => (picked.value = new Set()),
  }
}
