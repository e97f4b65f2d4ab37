// The builds that a run of a template can deploy.
import { api, ApiError, data, query, type Schemas } from '@/api/client'

export interface Build {
  id: number
  version: string | null
}

type Deployed = Pick<Schemas['TaskInList'], 'id' | 'version' | 'status' | 'dry_run'> & {
  build_task?: { version: string | null } | null
}

/** The newest tasks of the other template that are looked at. */
const NEWEST = 200

/** Return those of *tasks* that can be deployed: a dry run has built nothing. */
export const deployable = (tasks: readonly Deployed[]): Build[] =>
  tasks
    .filter((each) => each.status === 'success' && !each.dry_run)
    .map((each) => ({ id: each.id, version: each.version ?? each.build_task?.version ?? null }))

/** Return what a run of *template* can deploy, the newest first, and *repeated* with it;
 * undefined if it deploys nothing. */
export async function buildsOf(
  template: Schemas['Template'],
  repeated: number | null | undefined,
  signal: AbortSignal,
): Promise<Build[] | undefined> {
  const { type, project_id, build_template_id } = template
  if (type !== 'deploy' || !build_template_id) return undefined
  const tasks = await data(
    api.GET('/project/{project_id}/templates/{template_id}/tasks/last', {
      params: {
        path: { project_id, template_id: build_template_id },
        query: query({ limit: NEWEST }),
      },
      signal,
    }),
  )
  const found = deployable(tasks)
  if (!repeated || found.some((each) => each.id === repeated)) return found
  try {
    const path = { project_id, task_id: repeated }
    const older = await data(
      api.GET('/project/{project_id}/tasks/{task_id}', { params: { path }, signal }),
    )
    return [...found, ...deployable([older])]
  } catch (error) {
    if (error instanceof ApiError) return found // it was deleted
    throw error
  }
}

/** Return the build that is chosen at first: that of a repeated run, else the newest; 0 if
 * one has to be chosen, undefined if there is none. */
export function firstBuild(
  builds: readonly Build[],
  from: { build_task_id?: number | null } | undefined,
): number | undefined {
  if (builds.length === 0) return undefined
  if (!from) return builds[0]!.id
  return builds.find((each) => each.id === from.build_task_id)?.id ?? 0
}
