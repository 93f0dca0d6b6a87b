import {Ovpn3Error} from '@ovpn3/sessions'
import {readFileSync} from 'node:fs'
import path from 'node:path'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/**
 * The user's shell, from `SHELL`.
 * @throws Ovpn3Error `usage` if it is not supported
 */
export function usersShell(environment: NodeJS.ProcessEnv): Shell {
  const name = path.basename(environment.SHELL ?? '')
  const shell = shells.find((each) => each === name)
  if (shell === undefined)
    throw new Ovpn3Error('usage', name ? `unsupported shell: ${name}` : 'unknown shell: SHELL is not set', {
      hint: `Pass one of ${shells.join(', ')}`,
    })
  return shell
}

/** The completion script of a shell. @param root the directory of this package */
export function scriptOf(shell: Shell, root: string): string {
  return readFileSync(path.join(root, 'scripts', `ovpn3.${shell}`), 'utf8')
}
