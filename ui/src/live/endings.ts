// Browser notifications when runs of the user end while the page is in the background.
import { ref } from 'vue'
import { api, ApiError, data } from '@/api/client'
import { user } from '@/api/session'
import { isFinal, markOf, wordOf } from '@/components/status'
import { t } from '@/locales'
import { router } from '@/router'
import { keep, recall } from '@/storage'
import { duration } from '@/times'
import { on, type UpdateMessage } from './bus'

const KEY = 'notify'

/** Whether this browser has notifications. */
export const canNotify = 'Notification' in window

const permitted = () => canNotify && Notification.permission === 'granted'
const chosen = ref(recall(KEY) === 'on' && permitted())

/** Whether the user wants them in this browser, and the browser permits them. */
export const notifies = () => chosen.value

/** Want them or not; returns false if the browser does not permit them. A first one shows it. */
export async function chooseNotifying(wanted: boolean): Promise<boolean> {
  const may =
    !wanted ||
    ((await Notification.requestPermission()) === 'granted' &&
      show(t('frame.notice.title'), t('frame.notice.text')) !== undefined)
  chosen.value = wanted && may
  keep(KEY, chosen.value ? 'on' : null)
  return may
}

// chosen in another tab
addEventListener('storage', () => (chosen.value = recall(KEY) === 'on' && permitted()))

/** Show a notification; undefined where only service workers may (Chrome for Android). */
function show(title: string, body: string, tag?: string): Notification | undefined {
  try {
    return new Notification(title, { body, tag })
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Notify of each end until the component goes. */
export function useEndings(): void {
  on('update', (event) => {
    if (chosen.value && permitted() && isFinal(event) && !document.hasFocus()) {
      tell(event).catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error // else the run may not be seen
      })
    }
  })
}

async function tell(event: UpdateMessage): Promise<void> {
  const path = { project_id: event.project_id, task_id: event.task_id }
  const task = await data(api.GET('/project/{project_id}/tasks/{task_id}', { params: { path } }))
  if (task.user_id !== user.value?.id) return
  const status = t(wordOf(markOf(event.status), event.status))
  const took = event.start && event.end ? Date.parse(event.end) - Date.parse(event.start) : NaN
  const words = [status, ...(Number.isNaN(took) ? [] : [duration(took)]), `#${event.task_id}`]
  const name = nameOf(task.template_id, event.project_id).catch(() => t('frame.notice.run'))
  const shown = show(await name, words.join(', '), `task-${event.task_id}`)
  if (!shown) return
  shown.onclick = () => {
    window.focus()
    shown.close()
    void router.push({
      name: 'task',
      params: { project: event.project_id, task: event.task_id },
    })
  }
}

async function nameOf(template: number, project: number): Promise<string> {
  const path = { project_id: project, template_id: template }
  const found = await data(
    api.GET('/project/{project_id}/templates/{template_id}', { params: { path } }),
  )
  return found.name
}
