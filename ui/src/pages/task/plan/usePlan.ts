// The plan of a task, and the decision about it.
import { computed, ref, watch, type Ref } from 'vue'
import { api, ApiError, data } from '@/api/client'
import { useAddress } from '@/components/address'
import { useForm, type Form } from '@/components/form'
import { on } from '@/live/bus'
import { useLoad } from '@/live/load'
import type { Task } from '../task'
import type { Results } from '../useResults'
import { plans } from '@/pages/templates/planning'
import type { Plan } from './plan'

export interface Review {
  /** undefined while it is not known, null if there is none */
  plan: Ref<Plan | null | undefined>
  waits: Ref<boolean>
  /** whether the plan is shown, and not the log */
  shown: Ref<boolean>
  comment: Ref<string>
  form: Form
  decide: (approve: boolean) => Promise<boolean>
  /** Reject the plan, and ask for another run. */
  replan: () => Promise<void>
}

export const WAITS = 'waiting_confirmation'
const DECIDED = new Set([WAITS, 'confirmed', 'rejected'])

/** Return the plan of *task*, which is read once there may be one; *again* asks for a run. */
export function usePlan(
  project: number,
  id: number,
  task: Ref<Task | undefined>,
  results: Results,
  again: () => void,
): Review {
  const path = { project_id: project, task_id: id }
  const init = { params: { path } }
  const waits = computed(() => task.value?.status === WAITS)
  const may = computed(
    () =>
      !!task.value &&
      plans(task.value.tpl_app) &&
      (DECIDED.has(task.value.status) || results.planned.value),
  )

  async function read(signal: AbortSignal): Promise<Plan | null> {
    if (!may.value) return null
    try {
      return await data(api.GET('/project/{project_id}/tasks/{task_id}/plan', { ...init, signal }))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null
      throw error
    }
  }
  const { data: plan, reload } = useLoad(read)
  watch(may, reload)
  on('update', (event) => {
    if (event.task_id === id && may.value) void reload()
  })

  // a plan that waits is shown at once, otherwise the log; the address can say which
  const view = useAddress()('view')
  const shown = computed({
    get: () => !!plan.value && (view.value ? view.value === 'plan' : waits.value),
    set: (value) => {
      view.value = value === waits.value ? '' : value ? 'plan' : 'log'
    },
  })

  const form = useForm([])
  const comment = ref('')
  async function decide(approve: boolean): Promise<boolean> {
    const body = { comment: comment.value.trim() }
    const done = await form.submit(async () => {
      await (approve
        ? data(api.POST('/project/{project_id}/tasks/{task_id}/confirm', { ...init, body }))
        : data(api.POST('/project/{project_id}/tasks/{task_id}/reject', { ...init, body })))
    })
    if (!done) {
      view.value = 'plan' // it says who was faster
      await reload()
      if (plan.value && plan.value.moved_to != null) form.clear() // the page says it itself
    }
    return done
  }
  async function replan(): Promise<void> {
    if (await decide(false)) again()
  }
  return { plan, waits, shown, comment, form, decide, replan }
}
