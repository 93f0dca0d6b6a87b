import {Ovpn3Error} from '@ovpn3/sessions'
import {readFileSync} from 'node:fs'
import path from 'node:path'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/**
 * The user's shell, by `SHELL`.
 * @throws Ovpn3Error `usage` where there is no completion for it
 */
export function usersShell(environment: NodeJS.ProcessEnv): Shell {
  const name = path.basename(environment.SHELL ?? '')
  const shell = shells.find((each) => each === name)
  if (shell === undefined)
    throw new Ovpn3Error('usage', `there is no completion for ${name || 'your shell'}`, {
      hint: `Name another shell: ${shells.join(', ')}`,
    })
  return shell
}

/** What makes a shell complete ovpn3. @param root the folder of this package */
export function scriptOf(shell: Shell, root: string): string {
  return readFileSync(path.join(root, 'scripts', `ovpn3.${shell}`), 'utf8')
}
