import {Ovpn3Error} from '@ovpn3/sessions'
import {appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import path from 'node:path'

import type {Shell} from './shell'

/** Where a shell's completion is installed. */
export interface Place {
  /** The script. */
  readonly file: string
  /** The start file that has to load the script, and the line to add to it. */
  readonly start?: {readonly file: string; readonly line: string}
}

/** Where the user's shell finds the script, and the start file if one has to load it. */
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
 * Installs the script.
 * @returns whether anything was changed
 * @throws Ovpn3Error `failed` if a file cannot be written
 */
export function install(script: string, {file, start}: Place): boolean {
  const isInstalled = contentOf(file) === script
  if (!isInstalled) {
    write(file, () => {
      mkdirSync(path.dirname(file), {recursive: true})
      writeFileSync(file, script)
    })
  }

  if (!start) return !isInstalled
  const content = contentOf(start.file) ?? ''
  if (content.split('\n').includes(start.line)) return !isInstalled
  write(start.file, () =>
    appendFileSync(start.file, `${content === '' || content.endsWith('\n') ? '' : '\n'}${start.line}\n`),
  )
  return true
}

const bashCompletion = '/usr/share/bash-completion/bash_completion'

/** Whether the package bash-completion is installed and loaded by the user's shells, so that it finds the script. */
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

/** Undefined if there is no such file. */
function contentOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function write(file: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Ovpn3Error('failed', `cannot write ${file}: ${(error as Error).message}`, {cause: error})
  }
}
