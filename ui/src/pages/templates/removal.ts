// Deletes a template, after saying what goes with it.
import { api, data, type Schemas } from '@/api/client'
import { confirm } from '@/components/confirm'
import { useNotify } from '@/components/notify'
import { plural, t } from '@/locales'
import type { Template } from './templates'

/** Return what is deleted with a template, in sentences. */
function consequences(template: Template, used: Schemas['References']): string[] {
  const found = [
    template.tasks > 0
      ? plural('templates.deleteTasks', template.tasks)
      : t('templates.deleteNever'),
  ]
  const schedules = used.schedules ?? []
  const integrations = used.integrations ?? []
  if (schedules.length > 0) {
    const names = schedules.map(({ id, name }) => name || t('schedules.unnamed', { id }))
    found.push(plural('templates.deleteSchedules', names.length, { names: names.join(', ') }))
  }
  if (integrations.length > 0) {
    const names = integrations.map(({ name }) => name)
    found.push(plural('templates.deleteIntegrations', names.length, { names: names.join(', ') }))
  }
  return found
}

/** Return a function that asks and deletes; true if the template is gone. */
export function useRemoval(): (template: Template) => Promise<boolean> {
  const notify = useNotify()
  return async (template) => {
    const { name } = template
    const path = { project_id: template.project_id, template_id: template.id }
    let used: Schemas['References']
    try {
      used = await data(
        api.GET('/project/{project_id}/templates/{template_id}/refs', { params: { path } }),
      )
    } catch (error) {
      notify.failed(error)
      return false
    }
    const sure = await confirm({
      title: t('templates.deleteTitle', { name }),
      consequences: consequences(template, used),
      verb: t('templates.deleteVerb'),
      destructive: true,
    })
    if (!sure) return false
    try {
      await data(api.DELETE('/project/{project_id}/templates/{template_id}', { params: { path } }))
    } catch (error) {
      notify.failed(error)
      return false
    }
    notify.done(t('templates.deleted', { name }))
    return true
  }
}
