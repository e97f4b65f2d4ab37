// Why the server refused, as a sentence for people.
import type { ApiError } from '@/api/errors'
import { t } from '@/locales'
import { duration } from '@/times'

/** The server's own sentence, or one for the status if it sent none. */
export function sentenceOf(error: ApiError): string {
  const later =
    error.retryAfter === undefined
      ? ''
      : ` ${t('common.error.retryAfter', { time: duration(error.retryAfter * 1000) })}`
  return `${error.message || ofStatus(error)}${later}`
}

function ofStatus(error: ApiError): string {
  if (error.unreachable) return t('common.error.unreachable')
  if (error.status === 403) return t('common.error.notPermitted')
  if (error.status === 404) return t('common.error.notFound')
  return t('common.error.refused', { status: error.status })
}
