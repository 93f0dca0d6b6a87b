import {Ovpn3Error, shellWord} from '@ovpn3/sessions'

import type {Selected} from './select'

import {confirm, isInteractive} from './terminal'
import {userText} from './users'

/**
 * Requires consent before input is sent to another user's session, because its owner controls which server gets the
 * input. `--owner` with that user is consent; otherwise the user is asked on a terminal.
 * @throws Ovpn3Error `input-missing`
 */
export async function requireConsent(
  {label, owner, ownerNamed, ownership}: Selected,
  signal: AbortSignal,
): Promise<void> {
  if (ownership === 'own' || ownerNamed) return
  const ownerName = owner ? userText(owner) : 'another user'
  if (!isInteractive())
    throw new Ovpn3Error('input-missing', `the session needs input and belongs to ${ownerName}`, {
      hint: owner
        ? `Pass --owner ${shellWord(owner.name ?? String(owner.uid))} to send your input to that user`
        : 'Run the command on a terminal',
    })
  if (!(await confirm(`${label} belongs to ${ownerName}. Send your input to that user?`, signal)))
    throw new Ovpn3Error('input-missing', `no input was sent: the session belongs to ${ownerName}`)
}
