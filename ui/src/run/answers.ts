// The answers to a survey. In the dialog each is a text, as its field shows it: a list of
// choices is JSON, yes and no are "true" and "false". Plain functions.
import type { Schemas } from '@/api/client'

export type SurveyVariable = Schemas['SurveyVariable']
/** The type that decides: Terraform's provider writes `string` and `integer`. */
export function kindOf({ type }: Pick<SurveyVariable, 'type'>) {
  if (type === 'integer') return 'int'
  return type || 'string'
}

export type Kind = ReturnType<typeof kindOf>
export type Fault = 'missing' | 'integer' | 'limits' | 'form'

/** Return the values in the text of several choices. */
export function choicesIn(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text || '[]')
    return Array.isArray(value) ? value.map(String) : []
  } catch {
    return []
  }
}

export const choicesText = (values: readonly string[]) =>
  values.length > 0 ? JSON.stringify(values) : ''

/** Return the text of a stored answer or default. */
export function textOf(variable: SurveyVariable, value: unknown): string {
  if (variable.type === 'select') {
    return choicesText(Array.isArray(value) ? value.map(String) : value ? [String(value)] : [])
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''
}

/** Return the value that is sent; the server reads a number and a yes from a text too. */
export function valueOf(variable: SurveyVariable, text: string): unknown {
  switch (kindOf(variable)) {
    case 'int':
      return Number.isSafeInteger(Number(text)) ? Number(text) : text
    case 'select':
      return choicesIn(text)
    case 'bool':
      return text === 'true'
    default:
      return text
  }
}

const INTEGER = /^\s*-?\d{1,18}\s*$/

/** Return the number that the limits of a variable are about, or its day as a text. */
function measure(variable: SurveyVariable, text: string): number | string {
  switch (kindOf(variable)) {
    case 'int':
      return Number(text)
    case 'select':
      return choicesIn(text).length
    case 'date':
      return text
    default:
      return [...text].length
  }
}

/** Return what is wrong with an answer; the server alone knows the regular expressions. */
export function faultOf(variable: SurveyVariable, text: string): Fault | undefined {
  if (text === '') return variable.required ? 'missing' : undefined
  if (kindOf(variable) === 'int' && !INTEGER.test(text)) return 'integer'
  const value = measure(variable, text)
  const limit = (bound: string) => (variable.type === 'date' ? bound : Number(bound))
  const { minimum, maximum } = variable
  const low = minimum ? value < limit(minimum) : false
  const high = maximum ? value > limit(maximum) : false
  return low || high ? 'limits' : undefined
}
