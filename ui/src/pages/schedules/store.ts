// The schedules of the project in the address, and their coming days.
import { ref, type Ref } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import type { Event } from '@/live/bus'
import { useLoad } from '@/live/load'
import { dayAfter, dateOf } from './times'
import { useUsualDurations } from './usual'

const DAYS = 7

/** Load the schedules, and the week that begins *weeks* weeks from the server's today. */
export function useSchedules(weeks: Ref<number>) {
  const path = { project_id: projectId.value }
  const when = (event: Event) =>
    ('project_id' in event && event.project_id !== path.project_id ? false : null) ??
    (event.type === 'update' ||
      (event.type === 'change' && ['schedule', 'template', 'project'].includes(event.kind)))
  const schedules = useLoad(
    (signal) =>
      data(
        api.GET('/project/{project_id}/schedules', {
          params: { path, query: { all: true } },
          signal,
        }),
      ),
    { when },
  )
  /** The first of the coming days, in the zone of the server. */
  const today = ref(dateOf(Date.now()))
  const calendar = useLoad(
    async (signal) => {
      const from = dayAfter(today.value, weeks.value * DAYS)
      const query = weeks.value === 0 ? { days: DAYS } : { days: DAYS, from }
      const found = await data(
        api.GET('/project/{project_id}/schedules/calendar', { params: { path, query }, signal }),
      )
      if (weeks.value === 0 && found.days[0]) today.value = found.days[0].date
      return found
    },
    { when, watch: [weeks] },
  )
  useUsualDurations(path.project_id)
  return { path, schedules, calendar }
}
