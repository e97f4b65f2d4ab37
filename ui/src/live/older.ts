// A list whose newest entries stay current, and to which a button adds older ones.
import { ref, type Ref } from 'vue'
import { useNotify } from '@/components/notify'
import { useLoad, type Loaded, type Options } from './load'

interface Entry {
  id: number
}

interface Asked {
  limit: number
  /** only entries with a lower number */
  before?: number
  signal?: AbortSignal
}

export interface OlderList<T> extends Loaded<T[]> {
  /** whether there may be older entries */
  more: Ref<boolean>
  /** whether older entries are on their way */
  busy: Ref<boolean>
  /** Add older entries; why the server refused is shown as a notice. */
  readOlder: () => Promise<void>
}

/** Return *first*, the newest entries, and those of *known* that follow; none of these if
 * there may be others between. */
export function joined<T extends Entry>(first: T[], known: T[]): T[] {
  const last = first.at(-1)?.id ?? Infinity
  if (!known.some((each) => each.id >= last)) return first
  return [...first, ...known.filter((each) => each.id < last)]
}

/** Load the newest *page* entries, which *read* returns newest first, and older ones when
 * asked for; those are loaded again, too, as far as *most* entries in one answer allow. */
export function useOlder<T extends Entry>(
  read: (asked: Asked) => Promise<T[]>,
  {
    page,
    most = page,
    ...options
  }: { page: number; most?: number } & Pick<Options<T[]>, 'when' | 'every'>,
): OlderList<T> {
  const notify = useNotify()
  const more = ref(false)
  const busy = ref(false)
  let extended = false
  let limit = page

  function take(next: T[], before: T[] | undefined): T[] {
    const isFull = next.length >= limit
    const all = extended && isFull ? joined(next, before ?? []) : next
    // with the same end as before, what is known about its successors stays
    if (!extended || !isFull || all.at(-1)?.id !== before?.at(-1)?.id) more.value = isFull
    return all
  }

  const list = useLoad<T[]>(
    (signal) => {
      const shown = extended ? (list.data.value?.length ?? 0) : 0
      limit = Math.min(most, Math.max(page, shown))
      return read({ limit, signal })
    },
    { ...options, take },
  )

  async function readOlder(): Promise<void> {
    const before = list.data.value?.at(-1)?.id
    if (busy.value || before === undefined) return
    busy.value = true
    try {
      const found = await read({ limit: page, before })
      const now = list.data.value ?? []
      if (!now.some((each) => each.id === before)) return // the list began anew meanwhile
      const last = now.at(-1)!.id
      extended = true
      more.value = found.length >= page
      list.data.value = [...now, ...found.filter((each) => each.id < last)]
    } catch (error) {
      notify.failed(error)
    } finally {
      busy.value = false
    }
  }

  return { ...list, more, busy, readOlder }
}
