import {Ovpn3Error} from '@ovpn3/sessions'
import {appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import path from 'node:path'

import type {Shell} from './shell'

/** Where a shell's completion belongs. */
export interface Place {
  /** The script. */
  readonly file: string
  /** The start file of a shell that looks nowhere by itself, and the line that it needs. */
  readonly start?: {readonly file: string; readonly line: string}
}

/** Where the user's shell looks for completions, or where it has to be told to look. */
export function placeOf(shell: Shell, home: string, environment: NodeJS.ProcessEnv): Place {
  const data = environment.XDG_DATA_HOME || path.join(home, '.local', 'share')
  switch (shell) {
    case 'bash': {
      const [folder] = (environment.BASH_COMPLETION_USER_DIR || path.join(data, 'bash-completion')).split(':')
      const file = path.join(folder!, 'completions', 'ovpn3')
      return loadsBashCompletion(home) ? {file} : {file, start: startOf(path.join(home, '.bashrc'), file)}
    }

    case 'fish':
      return {
        file: path.join(environment.XDG_CONFIG_HOME || path.join(home, '.config'), 'fish', 'completions', 'ovpn3.fish'),
      }
    case 'zsh': {
      const file = path.join(data, 'zsh', 'site-functions', '_ovpn3')
      return {file, start: startOf(path.join(environment.ZDOTDIR || home, '.zshrc'), file)}
    }
  }
}

/**
 * Puts the script in its place. Answers whether anything had to be changed.
 * @throws Ovpn3Error `failed` where a file cannot be written
 */
export function install(script: string, {file, start}: Place): boolean {
  const isThere = contentOf(file) === script
  if (!isThere) {
    write(file, () => {
      mkdirSync(path.dirname(file), {recursive: true})
      writeFileSync(file, script)
    })
  }

  if (!start) return !isThere
  const content = contentOf(start.file) ?? ''
  if (content.split('\n').includes(start.line)) return !isThere
  write(start.file, () =>
    appendFileSync(start.file, `${content === '' || content.endsWith('\n') ? '' : '\n'}${start.line}\n`),
  )
  return true
}

const bashCompletion = '/usr/share/bash-completion/bash_completion'

/** Whether the package bash-completion is there and the user's shells load it, which then load what is in its folders. */
function loadsBashCompletion(home: string): boolean {
  if (!existsSync(bashCompletion)) return false
  return [path.join(home, '.bashrc'), '/etc/bash.bashrc'].some((file) =>
    /^[^\n#]*bash_completion/m.test(contentOf(file) ?? ''),
  )
}

function startOf(file: string, script: string): Place['start'] {
  const quoted = `'${script.replaceAll("'", String.raw`'\''`)}'`
  return {file, line: `[ -r ${quoted} ] && . ${quoted} # completion of ovpn3`}
}

/** Undefined where there is no such file. */
function contentOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function write(file: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Ovpn3Error('failed', `${file} cannot be written: ${(error as Error).message}`, {cause: error})
  }
}
