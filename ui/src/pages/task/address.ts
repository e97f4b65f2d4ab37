// What the address of a task's page says of its log: line, host, text that is sought.
import { computed, type WritableComputedRef } from 'vue'
import { useAddress } from '@/components/address'

export interface LogAddress {
  line: WritableComputedRef<number>
  host: WritableComputedRef<string>
  find: WritableComputedRef<string>
}

export function useLogAddress(): LogAddress {
  const setting = useAddress()
  const line = setting('line')
  return {
    line: computed({
      get: () => (/^\d{1,9}$/.test(line.value) ? Number(line.value) : 0),
      set: (value) => (line.value = value ? String(value) : ''),
    }),
    host: setting('host'),
    find: setting('find'),
  }
}
