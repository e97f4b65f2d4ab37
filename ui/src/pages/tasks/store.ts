// A part of the task history, which stays current.
import { computed, watch } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useSteady } from '@/components/steady'
import { on } from '@/live/bus'
import { useLoad } from '@/live/load'
import type { TaskRow } from '@/pages/dashboard/overview'
import { PART, taskQuery, type Filter } from './filter'

/** Milliseconds after the last key until the search begins. */
const TYPING = 150

export function useTasks(filter: () => Filter) {
  const path = { project_id: projectId.value }
  const loaded = useLoad(
    (signal) =>
      data(
        api.GET('/project/{project_id}/tasks', {
          params: { path, query: taskQuery(filter()) },
          signal,
        }),
      ),
    { when: (event) => 'project_id' in event && event.project_id === path.project_id },
  )

  // what the message says is shown at once, the rest follows with the next answer
  on('update', ({ task_id, status, start, end }) => {
    loaded.data.value = loaded.data.value?.map((each) =>
      each.id === task_id ? { ...each, status: status as TaskRow['status'], start, end } : each,
    )
  })

  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    () => JSON.stringify(taskQuery(filter())),
    () => {
      clearTimeout(timer)
      timer = setTimeout(() => void loaded.reload(), TYPING)
    },
  )

  const part = computed(() => loaded.data.value?.slice(0, PART))
  const steady = useSteady(() => part.value?.map((each) => each.id) ?? [])
  const shown = computed(() => {
    const byId = new Map(loaded.data.value?.map((each) => [each.id, each]))
    return steady.shown.value.flatMap((id) => byId.get(id) ?? [])
  })
  /** the cursor of older tasks, if there are any */
  const older = computed(() =>
    (loaded.data.value?.length ?? 0) > PART ? part.value?.at(-1)?.id : undefined,
  )
  return { tasks: loaded.data, error: loaded.error, reload: loaded.reload, shown, older, steady }
}
