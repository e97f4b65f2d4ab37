// Lists that do not move under the pointer: their order is kept until it leaves.
import { computed, ref, type ComputedRef } from 'vue'

export interface Steady {
  /** the numbers to show, in order */
  shown: ComputedRef<number[]>
  /** how many are new and not shown yet */
  fresh: ComputedRef<number>
  /** listeners for the element around the list: `v-on="steady.listeners"` */
  listeners: { pointerenter: (event: PointerEvent) => void; pointerleave: () => void }
}

/** Return the order of *ids*, which waits while a mouse is over the list. */
export function useSteady(ids: () => number[]): Steady {
  const held = ref<number[] | null>(null)
  return {
    shown: computed(() => held.value ?? ids()),
    fresh: computed(() => {
      const before = held.value
      return before ? ids().filter((id) => !before.includes(id)).length : 0
    }),
    listeners: {
      pointerenter: (event) => {
        if (event.pointerType === 'mouse') held.value = ids()
      },
      pointerleave: () => (held.value = null),
    },
  }
}
