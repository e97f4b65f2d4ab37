// A part of the events, which stays current but does not move under the pointer.
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { answer, api } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import { cursor, fresh, type Event } from './events'

/** Events of one part of the list. */
const PART = 100
/** Milliseconds after the last key until the search begins. */
const TYPING = 250

interface Part {
  events: Event[]
  older: number | undefined
}

/** Load the events of the project in the address, or of the installation. */
export function useEvents(asked: () => { search: string; before: string }) {
  const project = projectId.value

  async function read(signal: AbortSignal): Promise<Part> {
    const { search, before } = asked()
    const query = {
      limit: PART,
      search: search.trim() || undefined,
      before: Number(before) || undefined,
    }
    const { data, response } = await answer(
      project
        ? api.GET('/project/{project_id}/events', {
            params: { path: { project_id: project }, query },
            signal,
          })
        : api.GET('/events', { params: { query }, signal }),
    )
    return { events: data ?? [], older: cursor(response.headers.get('link')) }
  }

  const waiting = shallowRef<Part>()
  const held = ref(false)
  const loaded = useLoad(read, {
    when: (event) => event.type === 'change' && (project === 0 || event.project_id === project),
    take: (next, before) => {
      if (!held.value || !before) return next
      waiting.value = next
      return before
    },
  })

  function release(): void {
    held.value = false
    if (waiting.value) loaded.data.value = waiting.value
    waiting.value = undefined
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  onScopeDispose(() => clearTimeout(timer))
  watch(
    () => JSON.stringify(asked()),
    () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        release()
        void loaded.reload()
      }, TYPING)
    },
  )

  return {
    part: loaded.data,
    error: loaded.error,
    reload: loaded.reload,
    fresh: computed(() =>
      waiting.value ? fresh(waiting.value.events, loaded.data.value?.events ?? []) : 0,
    ),
    listeners: {
      pointermove: (event: PointerEvent) => (held.value = event.pointerType === 'mouse'),
      pointerleave: release,
    },
  }
}
