// Colors of terminals, moved in lightness until they can be read. A color is 0xRRGGBB.

/** What text must reach against its background (WCAG AA). */
const WANTED = 4.5
/** Colors that are remembered, of each background. */
const REMEMBERED = 4096

/** The sixteen colors as backgrounds; as text they are tokens of the theme. */
const SIXTEEN = [
  0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xe5e5e5, 0x666666,
  0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
]
const STEPS = [0, 95, 135, 175, 215, 255]

/** Return the color of a number from 0 to 255 of the palette of xterm. */
export function paletteColor(index: number): number {
  if (index < 16) return SIXTEEN[index] ?? 0
  if (index >= 232) return (8 + (index - 232) * 10) * 0x010101
  const step = (n: number) => STEPS[Math.floor((index - 16) / n) % 6] ?? 0
  return rgb(step(36), step(6), step(1))
}

export function rgb(red: number, green: number, blue: number): number {
  return (red << 16) | (green << 8) | blue
}

export function hex(color: number): string {
  return `#${color.toString(16).padStart(6, '0')}`
}

const channels = (color: number) => [color >> 16, (color >> 8) & 255, color & 255] as const

function luminance(color: number): number {
  const [r, g, b] = channels(color).map((value) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** Return the contrast of two colors, from 1 to 21. */
export function contrast(one: number, other: number): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** Return *color* with another lightness (0 to 1), and the same hue and saturation. */
function withLightness(color: number, lightness: number): number {
  const [r, g, b] = channels(color).map((value) => value / 255) as [number, number, number]
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)]
  const middle = (most + least) / 2
  const spread = most - least
  const room = 1 - Math.abs(2 * middle - 1)
  const saturation = room > 0 ? spread / room : 0
  const chroma = (1 - Math.abs(2 * lightness - 1)) * saturation
  const part = (value: number) =>
    lightness + (spread > 0 ? ((value - middle) / spread) * chroma : 0)
  const byte = (value: number) => Math.round(255 * Math.min(1, Math.max(0, part(value))))
  return rgb(byte(r), byte(g), byte(b))
}

function lightnessOf(color: number): number {
  const parts = channels(color)
  return (Math.max(...parts) + Math.min(...parts)) / 510
}

function moved(color: number, background: number): number {
  if (contrast(color, background) >= WANTED) return color
  // away from the background, as little as needed
  const end = contrast(0xffffff, background) > contrast(0, background) ? 1 : 0
  let bad = lightnessOf(color)
  let good = end
  for (let i = 0; i < 8; i++) {
    const middle = (bad + good) / 2
    if (contrast(withLightness(color, middle), background) >= WANTED) good = middle
    else bad = middle
  }
  return withLightness(color, good)
}

const known = new Map<number, number>()

/** Return *color*, or the nearest lightness of it that is legible on *background*. */
export function legible(color: number, background: number): number {
  const key = background * 0x1000000 + color
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= REMEMBERED) known.clear()
  const result = moved(color, background)
  known.set(key, result)
  return result
}
