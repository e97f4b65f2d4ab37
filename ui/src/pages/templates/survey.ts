// The rules of a survey's variables, as their form shows them. Plain functions.
import { kindOf, type Kind } from '@/run/answers'
import type { SurveyVariable } from './draft'

// a select has no empty value, which is the API's word for a text
export const KINDS = ['string', 'text', 'int', 'bool', 'enum', 'select', 'date', 'secret'] as const

export const hasValues = (kind: Kind) => kind === 'enum' || kind === 'select'
export const hasPattern = (kind: Kind) => ['string', 'text', 'secret'].includes(kind)
/** How an answer reaches the program; a select has no empty value for the usual way. */
export const TARGETS = ['variable', 'env'] as const

export function setTarget(variable: SurveyVariable, target: (typeof TARGETS)[number]): void {
  variable.target = target === 'env' ? 'env' : undefined
}

export const hasLimits = (kind: Kind) => kind !== 'enum' && kind !== 'bool'

/** Give a variable another kind; what the new kind does not have is forgotten. */
export function setKind(variable: SurveyVariable, kind: Kind): void {
  variable.type = kind === 'string' ? '' : kind
  variable.default_value = kind === 'select' ? [] : ''
  variable.minimum = variable.maximum = undefined
  if (!hasPattern(kind)) variable.pattern = undefined
}

/** The values of a choice as lines, "value" or "name=value". */
export function valueLines(variable: SurveyVariable): string {
  return (variable.values ?? [])
    .map(({ name, value }) => (name === value ? value : `${name}=${value}`))
    .join('\n')
}

export function setValueLines(variable: SurveyVariable, text: string): void {
  variable.values = text
    .split('\n')
    .filter((each) => each.trim() !== '')
    .map((line) => {
      const [name, ...rest] = line.split('=')
      return { name: name!, value: rest.length > 0 ? rest.join('=') : name! }
    })
}

/** A variable as it is sent: without the rules that its kind does not have. */
export function sent(variable: SurveyVariable) {
  const kind = kindOf(variable)
  const values = hasValues(kind) ? (variable.values ?? []) : null
  return { ...variable, values }
}
