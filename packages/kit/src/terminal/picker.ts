import type {Writable} from 'node:stream'

import {AsyncResource} from 'node:async_hooks'

import {cut, displayWidth} from './table'

/** The choices of a picker, one line each, and their header. */
export interface Rows<T> {
  readonly choices: readonly {readonly name: string; readonly value: T}[]
  readonly header: string
}

interface PickerConfig<T> extends Rows<T> {
  readonly message: string
}

type Picker<T> = (
  config: PickerConfig<T>,
  context: {readonly output: Writable; readonly signal: AbortSignal},
) => Promise<T> & {cancel(): void}

/** The maximum number of rows at a time. */
const maxRows = 12
/** Columns before a row. */
const margin = 2

/** A prompt that shows choices in rows and filters them by the typed words. */
export async function picker<T>(): Promise<Picker<T>> {
  const {
    createPrompt,
    isDownKey,
    isEnterKey,
    isUpKey,
    makeTheme,
    useEffect,
    useKeypress,
    usePagination,
    usePrefix,
    useState,
  } = await import('@inquirer/core')
  const theme = makeTheme({})
  const keys: ['emacs'] = ['emacs']
  return createPrompt<T, PickerConfig<T>>(({choices, header, message}, done) => {
    const [status, setStatus] = useState<'done' | 'idle'>('idle')
    const [typed, setTyped] = useState('')
    const [active, setActive] = useState(0)
    const [[columns, rows], setSize] = useState(() => sizeOf(process.stderr))
    const prefix = usePrefix({status, theme})
    useEffect(() => {
      const onResize = AsyncResource.bind(() => setSize(sizeOf(process.stderr)))
      process.stderr.on('resize', onResize)
      return () => process.stderr.off('resize', onResize)
    }, [])
    const found = choices.filter(({name}) => contains(name, typed))
    useKeypress((key, readline) => {
      // keys after Enter are for the next prompt
      if (status === 'done') return
      if (isEnterKey(key)) {
        const chosen = found[active]
        if (chosen) {
          setStatus('done')
          done(chosen.value)
        } else readline.write(typed)
      } else if (isUpKey(key, keys)) setActive(Math.max(active - 1, 0))
      else if (isDownKey(key, keys)) setActive(Math.min(active + 1, Math.max(found.length - 1, 0)))
      else if (key.name === 'tab') {
        // Tab completes nothing, so it is removed from the line
        readline.clearLine(0)
        readline.write(typed)
      } else if (readline.line !== typed) {
        setTyped(readline.line)
        setActive(0)
      }
    })
    const question = [prefix, theme.style.message(message, status), typed].join(' ')
    const pageSize = pageSizeOf(question, columns, rows)
    const page = usePagination({
      active,
      items: found,
      loop: false,
      pageSize,
      renderItem({isActive, item: {name}}) {
        const line = `${isActive ? '>' : ' '} ${cut(name, columns - margin)}`
        return isActive ? theme.style.highlight(line) : line
      },
    })
    if (status === 'done')
      return cut(
        [prefix, theme.style.message(message, status), theme.style.answer(found[active]!.name)].join(' '),
        columns,
      )
    const hiddenCount = found.length - pageSize
    const help = `${hiddenCount > 0 ? `${active + 1} of ${found.length}. ` : ''}Type to filter, ↑↓ to move, Enter to select, Esc to cancel`
    const lines = [
      theme.style.help(' '.repeat(margin) + cut(header, columns - margin)),
      found.length > 0 ? page : `${' '.repeat(margin)}No match`,
      theme.style.help(cut(help, columns)),
    ]
    return [question, lines.join('\n')]
  })
}

const sizeOf = ({columns, rows}: NodeJS.WriteStream): readonly [columns: number, rows: number] => [columns, rows]

/** The number of rows that fit between the header and the help. */
function pageSizeOf(question: string, columns: number, rows: number): number {
  const questionLines = Math.ceil((displayWidth(question) + 1) / columns)
  // besides the header and the help, one line stays empty, so that nothing scrolls
  return Math.max(1, Math.min(maxRows, rows - questionLines - 3))
}

/** Whether a row contains all typed words. */
function contains(name: string, typed: string): boolean {
  const row = name.toLowerCase()
  return typed
    .toLowerCase()
    .split(' ')
    .every((word) => row.includes(word))
}
