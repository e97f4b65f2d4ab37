// What a line of a terminal shows: texts with classes, never HTML.
//
// Colors and styles are kept (SGR); every other sequence is dropped, links too. Of a line
// that overwrites itself by carriage returns, the last state is shown. Characters that
// turn the direction of text are shown by their number, since they can disguise a line.
import { hex, legible, paletteColor, rgb } from './colors'

/** A style; colors are DEFAULT, or 0 to 15, or RGB + 0xRRGGBB. */
export interface Style {
  readonly fg: number
  readonly bg: number
  readonly flags: number
}

export interface Piece {
  text: string
  /** classes, separated by spaces */
  cls: string
  /** CSS variables with colors of their own */
  vars: Record<string, string> | undefined
}

const DEFAULT = -1
const RGB = 0x1000000
const BOLD = 1
const DIM = 2
const ITALIC = 4
const UNDERLINE = 8
const INVERSE = 16
const STRIKE = 32

export const PLAIN: Style = { fg: DEFAULT, bg: DEFAULT, flags: 0 }

/** Pieces of one line; what follows is one piece more. */
const PIECES = 500
/** Parameters of one sequence. */
const PARAMETERS = 32

/** The backgrounds of the themes (styles/tokens.css) on which text must be legible: the
 * darkest of the light ones (tint of an error), the lightest of the dark ones. */
const LIGHT = 0xfdecec
const DARK = 0x272a2f

// Groups: 1 and 2 parameters and end of ESC [; 3 and 4 of the single character CSI; 5 a mark
// of direction. A string such as a link ends by BEL or ST within 2,048 characters; else
// only its begin is dropped, so that it cannot hide the line.
const SPECIAL = new RegExp(
  [
    '\\u001b\\[([0-?]{0,256})[ -/]{0,8}(?:([@-~])|$)',
    '\\u009b([0-?]{0,256})[ -/]{0,8}(?:([@-~])|$)',
    '\\u001b[\\]PX^_][^\\u0007\\u001b\\u009c]{0,2048}(?:\\u0007|\\u001b\\\\|\\u009c)',
    '\\u001b[\\[\\]PX^_]',
    '\\u001b[ -/]{0,4}[0-OQ-WYZ\\\\`-~]?',
    '([\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069])',
    '[\\u0000-\\u0008\\u000a-\\u001a\\u001c-\\u001f\\u007f-\\u009f]',
  ].join('|'),
  'g',
)
// eslint-disable-next-line no-control-regex
const ANY = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** The sequences that most lines have, which are found much faster than all of them. */
// eslint-disable-next-line no-control-regex
const SIMPLE = /\u001b\[[0-9;]{0,256}m/g
const RESET = '\u001b[0m'

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

/** Return the text of a line without its sequences, as {@link parse} shows it. */
export function plain(line: string): string {
  if (!ANY.test(line)) return line
  const simple = line.replace(SIMPLE, '')
  return ANY.test(simple) ? stripped(lastState(line)) : simple
}

function stripped(text: string): string {
  return text.replace(SPECIAL, (_all, _1, _2, _3, _4, mark?: string) =>
    mark ? codePoint(mark) : '',
  )
}

const codePoint = (mark: string) =>
  `<U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`

/** Return what is visible of a line after its last carriage return. */
function lastState(line: string): string {
  let end = line.length
  while (end > 0) {
    const start = line.lastIndexOf('\r', end - 1) + 1
    const part = line.slice(start, end)
    if (start === 0 || stripped(part).trim() !== '') return part
    end = start - 1
  }
  return ''
}

/** Return the style after a line that begins with *start*. */
export function endStyle(line: string, start: Style): Style {
  if (line.endsWith(RESET)) return PLAIN
  if (!line.includes('\u001b') && !line.includes('\u009b')) return start
  let style = start
  for (const found of line.matchAll(SPECIAL)) style = afterSequence(found, style)
  return style
}

function afterSequence(found: RegExpExecArray, style: Style): Style {
  if (found[2] === 'm') return afterParameters(found[1] ?? '', style)
  if (found[4] === 'm') return afterParameters(found[3] ?? '', style)
  return style
}

/** Return the pieces of a line whose style at its begin is *start*. */
export function parse(line: string, start: Style = PLAIN): Piece[] {
  if (!ANY.test(line)) return line ? [piece(line, start)] : []
  const text = lastState(line)
  let style = start
  if (text.length < line.length) {
    style = endStyle(line.slice(0, line.lastIndexOf(text)), start)
  }
  const pieces: Piece[] = []
  let before = 0
  let waiting = ''
  const flush = () => {
    if (waiting) pieces.push(piece(waiting, style))
    waiting = ''
  }
  for (const found of text.matchAll(SPECIAL)) {
    waiting += text.slice(before, found.index)
    before = found.index + found[0].length
    if (found[5]) {
      flush()
      pieces.push({ text: codePoint(found[5]), cls: 'a-mark', vars: undefined })
    } else {
      const next = afterSequence(found, style)
      if (!same(next, style)) flush()
      style = next
    }
    if (pieces.length >= PIECES) {
      waiting += stripped(text.slice(before))
      before = text.length
      break
    }
  }
  waiting += text.slice(before)
  flush()
  return pieces
}

export function same(one: Style, other: Style): boolean {
  return one.fg === other.fg && one.bg === other.bg && one.flags === other.flags
}

function afterParameters(text: string, before: Style): Style {
  // a colon separates the parts of one parameter, as in 38:2::255:0:0
  const codes = text
    .replace(/:/g, ';')
    .split(';', PARAMETERS)
    .map((each) => (each === '' ? 0 : Number(each)))
  const colons = text.includes(':')
  let { fg, bg, flags } = before
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!
    if (code === 0) [fg, bg, flags] = [DEFAULT, DEFAULT, 0]
    else if (code === 1) flags |= BOLD
    else if (code === 2) flags |= DIM
    else if (code === 3) flags |= ITALIC
    else if (code === 4) flags |= UNDERLINE
    else if (code === 7) flags |= INVERSE
    else if (code === 9) flags |= STRIKE
    else if (code === 22) flags &= ~(BOLD | DIM)
    else if (code === 23) flags &= ~ITALIC
    else if (code === 24) flags &= ~UNDERLINE
    else if (code === 27) flags &= ~INVERSE
    else if (code === 29) flags &= ~STRIKE
    else if (code >= 30 && code <= 37) fg = code - 30
    else if (code === 39) fg = DEFAULT
    else if (code >= 40 && code <= 47) bg = code - 40
    else if (code === 49) bg = DEFAULT
    else if (code >= 90 && code <= 97) fg = code - 82
    else if (code >= 100 && code <= 107) bg = code - 92
    else if (code === 38 || code === 48) {
      const [color, used] = extended(codes, i + 1, colons)
      i += used
      if (color === undefined) continue
      if (code === 38) fg = color
      else bg = color
    }
  }
  return { fg, bg, flags }
}

/** Return the color at codes[at], as 5;N or 2;R;G;B, and how many codes it takes. */
function extended(
  codes: readonly number[],
  at: number,
  colons: boolean,
): [number | undefined, number] {
  const byte = (value: number | undefined) =>
    value !== undefined && value >= 0 && value <= 255 ? value : undefined
  if (codes[at] === 5) {
    const index = byte(codes[at + 1])
    if (index === undefined) return [undefined, 2]
    return [index < 16 ? index : RGB + paletteColor(index), 2]
  }
  if (codes[at] !== 2) return [undefined, 1]
  // with colons there may be an empty part for the color space
  const first = colons && codes.length >= at + 5 ? at + 2 : at + 1
  const [r, g, b] = [byte(codes[first]), byte(codes[first + 1]), byte(codes[first + 2])]
  const used = first + 3 - at
  if (r === undefined || g === undefined || b === undefined) return [undefined, used]
  return [RGB + rgb(r, g, b), used]
}

const FLAGS: [number, string][] = [
  [BOLD, 'a-bold'],
  [DIM, 'a-dim'],
  [ITALIC, 'a-italic'],
  [UNDERLINE, 'a-under'],
  [STRIKE, 'a-strike'],
]

function piece(text: string, style: Style): Piece {
  let { fg, bg } = style
  if (style.flags & INVERSE) {
    // the colors of the theme are not known here: an inverse default is gray
    const front = fg === DEFAULT ? 8 : fg
    fg = bg === DEFAULT ? 15 : bg
    bg = front
  }
  const classes = FLAGS.filter(([flag]) => style.flags & flag).map(([, name]) => name)
  let vars: Piece['vars']
  if (bg !== DEFAULT) {
    const back = exact(bg)
    const front = hex(legible(fg === DEFAULT ? 0xffffff : exact(fg), back))
    classes.push('a-own', 'a-back')
    vars = { '--light': front, '--dark': front, '--back': hex(back) }
  } else if (fg >= RGB) {
    classes.push('a-own')
    vars = { '--light': hex(legible(fg - RGB, LIGHT)), '--dark': hex(legible(fg - RGB, DARK)) }
  } else if (fg !== DEFAULT) {
    classes.push(`a-${fg === 8 ? 'black' : COLORS[fg % 8]}`)
  }
  return { text, cls: classes.join(' '), vars }
}

const exact = (color: number) => (color >= RGB ? color - RGB : paletteColor(color))
