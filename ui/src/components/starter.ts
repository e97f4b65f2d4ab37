// Who or what started a task.
import type { Schemas } from '@/api/client'
import { t } from '@/locales'

type Task = Pick<Schemas['TaskInList'], 'schedule_id' | 'integration_id'> & {
  user_name?: string | null
}

export function starter(task: Task): string {
  if (task.schedule_id) return t('common.startedBy.schedule')
  if (task.integration_id) return t('common.startedBy.webhook')
  return task.user_name ?? t('common.startedBy.nobody')
}
