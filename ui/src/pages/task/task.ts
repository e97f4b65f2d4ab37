// A task with what else its page shows of it.
import { api, ApiError, data, query, type Schemas } from '@/api/client'
import { useLoad, type Loaded } from '@/live/load'

export type Task = Schemas['Task'] & {
  tpl_alias: string
  tpl_app: string
  user_name?: string | null
  destroys?: boolean
  plans_only?: boolean
  rejected_by?: string
}
export type Template = Schemas['Template']

export interface TaskFacts {
  task: Task
  template: Template
  /** the number of the inventory that it used, or would use; undefined for none */
  inventoryId: number | undefined
  /** the name of that inventory; empty if there is none, null if it was deleted */
  inventory: string | null
}

/** Load the task *id*, and load it again when it changes. */
export function useTask(project: number, id: number): Loaded<TaskFacts> {
  return useLoad((signal) => readTask(project, id, signal), {
    when: (event) => event.type === 'update' && event.task_id === id,
  })
}

async function readTask(project: number, id: number, signal: AbortSignal): Promise<TaskFacts> {
  const path = { project_id: project, task_id: id }
  const task = await data(
    api.GET('/project/{project_id}/tasks/{task_id}', { params: { path }, signal }),
  )
  const template = await data(
    api.GET('/project/{project_id}/templates/{template_id}', {
      params: { path: { project_id: project, template_id: task.template_id } },
      signal,
    }),
  )
  // the list knows the names of accounts, and what kind of run it is
  const [row] = await data(
    api.GET('/project/{project_id}/templates/{template_id}/tasks/last', {
      params: {
        path: { project_id: project, template_id: task.template_id },
        query: query({ limit: 1, before: id + 1 }),
      },
      signal,
    }),
  )
  const names = {
    tpl_alias: template.name,
    tpl_app: template.app,
    ...(row?.id === id
      ? {
          user_name: row.user_name,
          destroys: row.destroys,
          plans_only: row.plans_only,
          rejected_by: row.rejected_by,
        }
      : { user_name: null }),
  }
  const used = await data(
    api.GET('/project/{project_id}/tasks/{task_id}/inventory', { params: { path }, signal }),
  )
  const inventoryId = used.inventory_id ?? undefined
  const inventory = await nameOf(project, inventoryId, signal)
  return { task: { ...names, ...task }, template, inventoryId, inventory }
}

async function nameOf(
  project: number,
  inventory: number | undefined,
  signal: AbortSignal,
): Promise<string | null> {
  if (!inventory) return ''
  const path = { project_id: project, inventory_id: inventory }
  try {
    const found = await data(
      api.GET('/project/{project_id}/inventory/{inventory_id}', { params: { path }, signal }),
    )
    return found.name
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
    return null
  }
}
