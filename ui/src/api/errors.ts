// What the server says when it refuses: {"error": "sentence", "field": "name"}.

export class ApiError extends Error {
  /** The HTTP status; 0 if no answer arrived. */
  readonly status: number
  /** The field of the form that is at fault, if it is one. */
  readonly field: string | undefined
  /** Seconds until another attempt may succeed. */
  readonly retryAfter: number | undefined

  constructor(status: number, sentence: string, field?: string, retryAfter?: number) {
    super(sentence)
    this.name = 'ApiError'
    this.status = status
    this.field = field
    this.retryAfter = retryAfter
  }

  /** Whether the server did not answer, or a proxy did in its place. */
  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504
  }
}

/** Whether the same request may succeed a little later: no answer, too many requests, or a
 * failure of the server. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return error.status === 0 || error.status === 429 || error.status >= 500
}

/** Return the error of an answer whose body is *body*, of any form. */
export function refusal(response: Response, body: unknown): ApiError {
  const told = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const sentence = typeof told.error === 'string' ? told.error : ''
  const field = typeof told.field === 'string' ? told.field : undefined
  const after = Number(response.headers.get('retry-after'))
  return new ApiError(response.status, sentence, field, after > 0 ? after : undefined)
}

export function unreachable(): ApiError {
  return new ApiError(0, '')
}
