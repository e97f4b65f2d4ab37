// Settings of a page that are in its address, such as a filter: back and links keep them.
import { computed, nextTick, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** Return a function that makes the query parameter *name* a text that can be assigned.
 *
 * Assigning it also removes the parameters *clears*. Several assignments at once make
 * one change of the address.
 */
export function useAddress(): (name: string, ...clears: string[]) => WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  let next: Record<string, string | undefined> | undefined

  function assign(values: Record<string, string | undefined>): void {
    if (next) {
      Object.assign(next, values)
      return
    }
    next = values
    void nextTick(() => {
      const query = { ...route.query, ...next }
      next = undefined
      void router.replace({ query })
    })
  }

  return (name, ...clears) =>
    computed<string>({
      get: () => String(route.query[name] ?? ''),
      set: (value) => {
        const cleared = Object.fromEntries(clears.map((each) => [each, undefined]))
        assign({ ...cleared, [name]: value || undefined })
      },
    })
}
