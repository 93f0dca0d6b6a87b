/** The colours of a terminal by the names of escape sequences; `undefined` is the default. */
interface Theme {
  readonly background: string
  readonly frame: string
  readonly text: string
  readonly dim: string
  readonly colors: Readonly<Record<number, string>>
}

export const themes: Readonly<Record<'dark' | 'light', Theme>> = {
  dark: {
    background: '#0d1117',
    colors: {31: '#ff7b72', 32: '#3fb950', 33: '#d29922', 36: '#39c5cf'},
    dim: '#9198a1',
    frame: '#3d444d',
    text: '#f0f6fc',
  },
  light: {
    background: '#ffffff',
    colors: {31: '#cf222e', 32: '#116329', 33: '#7d4e00', 36: '#1b7c83'},
    dim: '#59636e',
    frame: '#d1d9e0',
    text: '#1f2328',
  },
}

interface Style {
  readonly bold: boolean
  readonly color?: number
  readonly dim: boolean
}

const plain: Style = {bold: false, dim: false}
const fontSize = 14
const cell = {height: 20, width: 8.4}
const margin = 16

function styled(style: Style, codes: string): Style {
  let result = style
  for (const code of codes.split(';').map(Number))
    switch (code) {
      case 0:
        result = plain
        break

      case 1:
        result = {...result, bold: true}
        break

      case 2:
        result = {...result, dim: true}
        break

      case 22:
        result = {...result, bold: false, dim: false}
        break

      default:
        if (code >= 30 && code <= 37) result = {...result, color: code}
        else if (code === 39) result = {...result, color: undefined}
        else if (code !== 49) throw new Error(`the picture has no style for escape sequence ${code}`)
    }

  return result
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function classesOf({bold, color, dim}: Style): string {
  return [...(bold ? ['bold'] : []), ...(dim ? ['dim'] : []), ...(color ? [`color${color}`] : [])].join(' ')
}

/** The lines of a screen as texts, with fixed positions and lengths to align columns in any font. */
function textsOf(screen: string): string[] {
  let style = plain
  return screen.split('\n').map((line, row) => {
    let column = 0
    let runs = ''
    // eslint-disable-next-line no-control-regex
    for (const [, codes, text = ''] of line.matchAll(/(?:\u001B\[([\d;]*)m)?([^\u001B]*)/g)) {
      if (codes !== undefined) style = styled(style, codes)
      const classes = classesOf(style)
      // separate words get their own position, because some SVG readers merge spaces
      for (const {0: words, index} of text.matchAll(/\S+(?: \S+)*/g)) {
        const [x, length] = [column + index, words.length].map((cells) => (cells * cell.width).toFixed(1))
        runs += `<tspan x="${x}" textLength="${length}"${classes && ` class="${classes}"`}>${escaped(words)}</tspan>`
      }

      column += text.length
    }

    return `<text y="${row * cell.height + fontSize}">${runs}</text>`
  })
}

/**
 * An SVG that shows the screens one after another, once, and keeps the last. Without animation, only the last is shown.
 * It needs no font, script or external file.
 */
export function svg(
  screens: readonly string[],
  {colors, background, dim, frame, text}: Theme,
  {columns, description, seconds, title}: {columns: number; description: string; seconds: number; title: string},
): string {
  const rows = Math.max(...screens.map((screen) => screen.split('\n').length))
  const width = Math.ceil(columns * cell.width) + 2 * margin
  const height = rows * cell.height + 2 * margin
  const last = screens.length - 1
  const steps = screens.slice(0, last).map((_, index) => `.screen${index}{animation-delay:${index * seconds}s}`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
<style>
text{font-size:${fontSize}px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${text}}
.bold{font-weight:bold}
.dim{fill:${dim}}
${Object.entries(colors)
  .map(([code, color]) => `.color${code}{fill:${color}}`)
  .join('\n')}
.screen{visibility:hidden}
.screen${last}{visibility:visible}
@media (prefers-reduced-motion:no-preference){
.screen{animation:show ${seconds}s}
${steps.join('\n')}
.screen${last}{animation:none;animation:wait ${last * seconds}s}
}
@keyframes show{from,to{visibility:visible}}
@keyframes wait{from,to{visibility:hidden}}
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${background}" stroke="${frame}"/>
<g transform="translate(${margin} ${margin})">
${screens.map((screen, index) => [`<g class="screen screen${index}">`, ...textsOf(screen), '</g>'].join('\n')).join('\n')}
</g>
</svg>
`
}
