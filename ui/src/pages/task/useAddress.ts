// What the address of a task's page says of its log: line, host, text that is sought.
import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export interface Address {
  line: WritableComputedRef<number>
  host: WritableComputedRef<string>
  find: WritableComputedRef<string>
}

export function useAddress(): Address {
  const route = useRoute()
  const router = useRouter()
  const text = (name: string) =>
    computed({
      get: () => {
        const value = route.query[name]
        return typeof value === 'string' ? value : ''
      },
      set: (value: string) =>
        void router.replace({ query: { ...route.query, [name]: value || undefined } }),
    })
  const line = text('line')
  return {
    line: computed({
      get: () => (/^\d{1,9}$/.test(line.value) ? Number(line.value) : 0),
      set: (value) => (line.value = value ? String(value) : ''),
    }),
    host: text('host'),
    find: text('find'),
  }
}
