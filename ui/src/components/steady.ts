// Lists that do not move under the pointer: their order is kept until it leaves, or
// rests for a while.
import { computed, onScopeDispose, shallowRef, type ComputedRef } from 'vue'

/** Milliseconds after which a resting pointer holds nothing any more. */
const REST = 30_000

export interface Listeners {
  pointermove: (event: PointerEvent) => void
  pointerleave: () => void
}

export interface SteadyBands<K extends string> {
  /** the numbers to show in each list, in order */
  shown: ComputedRef<Record<K, number[]>>
  /** how many are new and not shown yet */
  fresh: ComputedRef<number>
  /** for the element around the lists: `v-on="steady.listeners"` */
  listeners: Listeners
}

/** Return the order of several lists below each other, which waits while a mouse is over them. */
export function useSteadyBands<K extends string>(ids: () => Record<K, number[]>): SteadyBands<K> {
  const held = shallowRef<Record<K, number[]> | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  const release = () => {
    clearTimeout(timer)
    held.value = null
  }
  onScopeDispose(release)
  const all = (lists: Record<K, number[]>) => Object.values<number[]>(lists).flat()
  return {
    shown: computed(() => held.value ?? ids()),
    fresh: computed(() => {
      if (!held.value) return 0
      const before = new Set(all(held.value))
      return all(ids()).filter((id) => !before.has(id)).length
    }),
    listeners: {
      pointermove: (event) => {
        if (event.pointerType !== 'mouse') return
        held.value ??= ids()
        clearTimeout(timer)
        timer = setTimeout(release, REST)
      },
      pointerleave: release,
    },
  }
}

export interface Steady {
  shown: ComputedRef<number[]>
  fresh: ComputedRef<number>
  listeners: Listeners
}

/** The same for a single list. */
export function useSteady(ids: () => number[]): Steady {
  const { shown, fresh, listeners } = useSteadyBands(() => ({ list: ids() }))
  return { shown: computed(() => shown.value.list), fresh, listeners }
}
