// The state of the form of a schedule: what was entered, its template, and its task.
import { computed, ref, shallowRef, watch } from 'vue'
import { api, data, tagOf, type Schemas } from '@/api/client'
import { useForm } from '@/components/form'
import { useLoad } from '@/live/load'
import { choicesOf, lacksHosts, type Draft } from '@/run/draft'
import { bodyOfSchedule, draftOf, taskDraft, taskFaults, watched } from './draft'
import type { Schedule } from './schedules'

const FIELDS = [
  ...['name', 'template_id', 'cron_format', 'timezone', 'run_at', 'repository_id'],
  ...['limit', 'tags', 'skip_tags', 'git_branch', 'arguments', 'inventory_id', 'message'].map(
    (each) => `task_params.${each}`,
  ),
]

export function useScheduleForm(
  path: { project_id: number },
  before: Schedule | undefined,
  template: number | undefined,
) {
  const form = useForm(FIELDS)
  const one = { ...path, schedule_id: before?.id ?? 0 }
  const tag =
    before &&
    tagOf(api.GET('/project/{project_id}/schedules/{schedule_id}', { params: { path: one } }))
  const draft = ref(draftOf(before, template))
  const task = ref<Draft>()
  const chosen = shallowRef<Schemas['Template']>()
  const material = useLoad(
    async (signal) => {
      const [templates, inventories, repositories] = await Promise.all([
        data(api.GET('/project/{project_id}/templates', { params: { path }, signal })),
        data(api.GET('/project/{project_id}/inventory', { params: { path }, signal })),
        data(api.GET('/project/{project_id}/repositories', { params: { path }, signal })),
      ])
      return { templates, inventories, repositories }
    },
    {
      when: (event) =>
        event.type === 'change' &&
        event.project_id === path.project_id &&
        ['template', 'inventory', 'repository'].includes(event.kind),
    },
  )

  watch(
    [() => draft.value.template, material.data],
    ([number, loaded]) => {
      const found = loaded?.templates.find((each) => each.id === number)
      if (!found || found.id === chosen.value?.id) return
      chosen.value = found
      task.value = taskDraft(found, before)
    },
    { immediate: true },
  )

  const choices = computed(() => chosen.value && choicesOf(chosen.value))
  const repository = computed(() =>
    material.data.value?.repositories.find(
      (each) => chosen.value && each.id === watched(chosen.value, before),
    ),
  )
  const wrong = computed(() =>
    chosen.value && task.value ? taskFaults(chosen.value, task.value, before) : {},
  )
  /** Whether hosts are to be chosen and none is. */
  const lacks = computed(
    () =>
      chosen.value !== undefined &&
      task.value !== undefined &&
      lacksHosts(chosen.value, task.value),
  )
  /** Refusals of the task's parameters, by the names that the run dialog has for them. */
  const taskErrors = computed(() =>
    Object.fromEntries(
      Object.entries(form.errors).map(([name, text]) => [name.replace('task_params.', ''), text]),
    ),
  )
  const first = JSON.stringify(draft.value)
  const touched = ref(false)
  watch(task, (_next, former) => former && (touched.value = true), { deep: true })
  const dirty = computed(() => touched.value || JSON.stringify(draft.value) !== first)

  /** Store the schedule; false if the server refused. */
  function save(): Promise<boolean> {
    return form.submit(async () => {
      const body = bodyOfSchedule(draft.value, chosen.value!, task.value!, before)
      if (!before) {
        await data(api.POST('/project/{project_id}/schedules', { params: { path }, body }))
        return
      }
      const params = { path: one, header: { 'If-Match': await tag } }
      await data(api.PUT('/project/{project_id}/schedules/{schedule_id}', { params, body }))
    })
  }

  return {
    ...{ form, draft, task, chosen, material, choices, repository },
    ...{ wrong, lacks, taskErrors, dirty, save },
  }
}
