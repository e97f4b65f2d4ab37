// How long runs of templates usually take: what a schedule that runs often makes of work.
import { shallowRef } from 'vue'
import { api, data } from '@/api/client'
import { isFinal } from '@/components/status'
import { useLoad } from '@/live/load'

/** Days in which a template must have run. */
const DAYS = 14

const known = shallowRef<ReadonlyMap<number, number>>(new Map())

/** Keep the usual durations of the project's templates current while the component is there. */
export function useUsualDurations(project_id: number): void {
  useLoad(
    async (signal) => {
      const { templates } = await data(
        api.GET('/project/{project_id}/overview', {
          params: { path: { project_id }, query: { days: DAYS } },
          signal,
        }),
      )
      known.value = new Map(
        templates.flatMap((each) =>
          each.usual_duration ? [[each.template_id, each.usual_duration]] : [],
        ),
      )
      return templates
    },
    {
      when: (event) => event.type === 'update' && event.project_id === project_id && isFinal(event),
    },
  )
}

/** The median of successful runs of a template in seconds; undefined without any. */
export const usualDuration = (template: number): number | undefined => known.value.get(template)
