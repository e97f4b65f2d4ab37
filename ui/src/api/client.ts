// The typed client of the API. A call returns the answer's data or throws ApiError.
import createClient from 'openapi-fetch'
import { apiUrl } from '@/base'
import { compareClock } from '@/clock'
import { ApiError, refusal, unreachable } from './errors'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

const ended: (() => void)[] = []

/** Call *listener* when an answer shows that the session has ended. */
export function onSessionEnd(listener: () => void): void {
  ended.push(listener)
}

/** The client itself; pass its calls to {@link data}. */
export const api = createClient<paths>({ baseUrl: apiUrl, credentials: 'same-origin' })

api.use({ onResponse: ({ response }) => compareClock(response.headers.get('date')) })

interface Result<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Return the data of a call such as `data(api.GET('/projects'))`.
 *
 * @throws ApiError for every answer that is not 2xx, and if none arrives.
 */
export async function data<T>(call: Promise<Result<T>>): Promise<T> {
  return (await answer(call)).data as T
}

/** Return the data of a call together with its response, for headers. */
export async function answer<T>(call: Promise<Result<T>>): Promise<Result<T>> {
  let result: Result<T>
  try {
    result = await call
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw unreachable()
  }
  if (result.response.ok) return result
  const error = refusal(result.response, result.error)
  if (error.status === 401 && !result.response.url.endsWith('/auth/login')) {
    ended.forEach((each) => each())
  }
  throw error
}

/** Return the tag of an object as a form begins with it, for If-Match when it is saved.
 *
 * @throws ApiError as `data` does: without the tag the form could undo another change, so
 * saving it fails with the same error.
 */
export function tagOf<T>(call: Promise<Result<T>>): Promise<string | undefined> {
  const tag = answer(call).then(({ response }) => response.headers.get('etag') ?? undefined)
  tag.catch(() => undefined) // handled when the form is saved
  return tag
}

/** A body from some of its fields: the server gives the others their defaults. */
export function fields<T>(given: Partial<NoInfer<T>>): T {
  return given as T
}

/** Query parameters of a list that the API document does not describe. */
export function query(values: Record<string, string | number | undefined>): never {
  return values as never
}

export { ApiError }
