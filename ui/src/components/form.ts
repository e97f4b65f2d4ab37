// A form that shows the server's refusal at the field that it names.
import { nextTick, reactive, ref, type Ref } from 'vue'
import { ApiError } from '@/api/client'
import { sentenceOf } from './sentences'

export interface Form {
  /** sentences by the name of the field in the API */
  errors: Record<string, string | undefined>
  /** the sentence of a refusal that no field is at fault for */
  refusal: Ref<string>
  busy: Ref<boolean>
  /** Run *save* once; false if the server refused. */
  submit: (save: () => Promise<void>) => Promise<boolean>
  /** Forget what was refused, of one field or all. */
  clear: (field?: string) => void
}

/** Return the state of a form with these *fields*. Other fields' refusals are general. */
export function useForm(fields: readonly string[]): Form {
  const errors = reactive<Record<string, string | undefined>>({})
  const refusal = ref('')
  const busy = ref(false)

  function clear(field?: string): void {
    if (field !== undefined) {
      errors[field] = undefined
      return
    }
    refusal.value = ''
    for (const each of fields) errors[each] = undefined
  }

  async function submit(save: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false
    clear()
    busy.value = true
    try {
      await save()
      return true
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.field !== undefined && fields.includes(error.field)) {
        errors[error.field] = sentenceOf(error)
        void focusFirstWrong()
      } else refusal.value = sentenceOf(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { errors, refusal, busy, submit, clear }
}

/** Focus the first wrong field inside of *scope*, a selector, and bring it into view. */
export async function focusFirstWrong(scope = ''): Promise<void> {
  await nextTick() // its error is drawn by then
  const found = document.querySelector<HTMLElement>(
    `${scope} [aria-invalid="true"], ${scope} [data-wrong] input`,
  )
  found?.focus({ preventScroll: true })
  found?.scrollIntoView({ block: 'center' })
}
