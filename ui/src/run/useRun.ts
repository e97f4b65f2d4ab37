// The state of the run dialog: the template, what was entered, and what would run.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { api, ApiError, data, query, type Schemas } from '@/api/client'
import { useForm, type Form } from '@/components/form'
import { useLoad, type Loaded } from '@/live/load'
import { fitting } from '@/pages/templates/planning'
import type { RunWish } from './ask'
import { buildsOf, type Build } from './builds'
import { bodyOf, faults, firstDraft, lacksHosts } from './draft'
import type { Draft, Template } from './draft'

export interface RunMaterial {
  template: Template
  repository: Schemas['Repository']
  inventories: Schemas['Inventory'][]
  /** what it can deploy; undefined if it deploys nothing */
  builds: Build[] | undefined
  /** the newest runs of the template */
  tasks: Schemas['TaskInList'][]
}

export interface Run {
  material: Loaded<RunMaterial>
  draft: Ref<Draft | undefined>
  preview: Ref<Schemas['RunPreview'] | undefined>
  /** why the server would refuse the run as it is entered */
  refused: Ref<ApiError | undefined>
  form: Form
  dirty: Ref<boolean>
  faults: Ref<ReturnType<typeof faults>>
  /** Start the run; undefined if the server refused. */
  send: () => Promise<Schemas['Task'] | undefined>
}

/** Milliseconds after the last change until the command is shown anew. */
const PAUSE = 250
const FIELDS = [
  ...['message', 'limit', 'tags', 'skip_tags', 'git_branch', 'arguments'],
  ...['inventory_id', 'build_task_id'],
]
const NEWEST = 20

export function useRun(wish: RunWish): Run {
  const project = { project_id: wish.project }
  const path = { ...project, template_id: wish.template }
  const draft = ref<Draft>()
  const preview = shallowRef<Schemas['RunPreview']>()
  const refused = shallowRef<ApiError>()
  const refusedAs = shallowRef('')
  let first = ''

  const material = useLoad(async (signal): Promise<RunMaterial> => {
    const params = { path }
    const [template, inventories, tasks] = await Promise.all([
      data(api.GET('/project/{project_id}/templates/{template_id}', { params: { path }, signal })),
      data(api.GET('/project/{project_id}/inventory', { params: { path: project }, signal })),
      data(
        api.GET('/project/{project_id}/templates/{template_id}/tasks/last', {
          params: { ...params, query: query({ limit: NEWEST }) },
          signal,
        }),
      ),
    ])
    const [repository, builds] = await Promise.all([
      data(
        api.GET('/project/{project_id}/repositories/{repository_id}', {
          params: { path: { ...project, repository_id: template.repository_id } },
          signal,
        }),
      ),
      buildsOf(template, wish.from?.build_task_id, signal),
    ])
    return { template, repository, inventories: fitting(template, inventories), builds, tasks }
  })

  watch(material.data, (loaded) => {
    if (!loaded || draft.value) return
    const used = loaded.inventories.find((each) => each.id === wish.inventory) // else deleted
    draft.value = firstDraft(loaded.template, wish.from, wish.limit, used?.id, loaded.builds)
    first = JSON.stringify(draft.value)
  })

  const body = () => bodyOf(material.data.value!.template, draft.value!)
  /** the answer that the server refused, while it is as it was sent */
  const answer = computed(() => {
    const [place, name] = refused.value?.field?.split('.') ?? []
    const same = refusedAs.value === JSON.stringify(draft.value)
    return same && name && (place === 'environment' || place === 'secret') ? name : undefined
  })
  const wrong = computed((): ReturnType<typeof faults> => ({
    ...(answer.value && { [answer.value]: 'form' as const }),
    ...(material.data.value && draft.value && faults(material.data.value.template, draft.value)),
  }))

  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined
  async function show(): Promise<void> {
    running?.abort()
    if (lacksHosts(material.data.value!.template, draft.value!)) {
      preview.value = refused.value = undefined
      return
    }
    const mine = (running = new AbortController())
    const asked = JSON.stringify(draft.value)
    try {
      preview.value = await data(
        api.POST('/project/{project_id}/templates/{template_id}/preview', {
          params: { path },
          body: body() as Schemas['NewTask'],
          signal: mine.signal,
        }),
      )
      refused.value = undefined
    } catch (error) {
      if (mine.signal.aborted) return
      if (!(error instanceof ApiError)) throw error
      refused.value = error
      refusedAs.value = asked
    }
  }
  watch(
    draft,
    (_, before) => {
      clearTimeout(timer)
      timer = setTimeout(show, before ? PAUSE : 0)
    },
    { deep: true },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
    running?.abort()
  })

  const form = useForm(FIELDS)
  async function send(): Promise<Schemas['Task'] | undefined> {
    let task: Schemas['Task'] | undefined
    await form.submit(async () => {
      const params = { path: { project_id: wish.project } }
      const sent = body() as Schemas['NewTask']
      task = await data(api.POST('/project/{project_id}/tasks', { params, body: sent }))
    })
    return task
  }

  return {
    material,
    draft,
    preview,
    refused,
    form,
    dirty: computed(() => draft.value !== undefined && JSON.stringify(draft.value) !== first),
    faults: wrong,
    send,
  }
}
