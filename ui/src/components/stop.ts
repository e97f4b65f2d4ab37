// Stops a task, after its effect was told.
import { api, data, type Schemas } from '@/api/client'
import { confirm } from './confirm'
import { useNotify } from './notify'
import { t, type Key } from '@/locales'

type Task = Pick<Schemas['TaskInList'], 'id' | 'project_id' | 'status' | 'tpl_alias' | 'tpl_app'>

/** Return what a stop does to the task in its present state. */
export function effects(task: Task): { key: 'queued' | 'running' | 'stopping'; told: Key[] } {
  if (task.status === 'waiting') return { key: 'queued', told: ['common.stop.queued'] }
  if (task.status === 'stopping') {
    return { key: 'stopping', told: ['common.stop.force', 'common.stop.stays'] }
  }
  if (task.status === 'waiting_confirmation') {
    return { key: 'running', told: ['common.stop.waits'] }
  }
  const what: Key = task.tpl_app === 'ansible' ? 'common.stop.ansible' : 'common.stop.script'
  return { key: 'running', told: [what, 'common.stop.grace', 'common.stop.stays'] }
}

/** Return a function that asks and then stops a task; call it in a setup. */
export function useStop(): (task: Task) => Promise<void> {
  const notify = useNotify()
  return async (task) => {
    const name = `${task.tpl_alias} #${task.id}`
    const { key, told } = effects(task)
    const sure = await confirm({
      title: t(`common.stop.${key}Title`, { name }),
      consequences: told.map((each) => t(each)),
      verb: t(`common.stop.${key}Verb`),
      destructive: key === 'stopping',
    })
    if (!sure) return
    const path = { project_id: task.project_id, task_id: task.id }
    try {
      await data(
        api.POST('/project/{project_id}/tasks/{task_id}/stop', {
          params: { path },
          body: { force: key === 'stopping' },
        }),
      )
    } catch (error) {
      notify.failed(error)
    }
  }
}
