import {Ovpn3Error, shellWord} from '@ovpn3/sessions'

import type {Selected} from './select'

import {confirm, isInteractive} from './terminal'
import {userText} from './users'

/**
 * Sends input to another user's session only if --owner names that user, or the caller agrees on a terminal: the owner
 * controls where the input goes.
 * @throws Ovpn3Error `input-missing`
 */
export async function consentToAnswer(
  {label, owner, ownerNamed, ownership}: Selected,
  signal: AbortSignal,
): Promise<void> {
  if (ownership === 'own' || ownerNamed) return
  const who = owner ? userText(owner) : 'another user'
  if (!isInteractive())
    throw new Ovpn3Error('input-missing', `the session needs input and belongs to ${who}`, {
      hint: owner
        ? `Pass --owner ${shellWord(owner.name ?? String(owner.uid))} to send your input to that user`
        : 'Run the command on a terminal',
    })
  if (!(await confirm(`${label} belongs to ${who}. Send your input to that user?`, signal)))
    throw new Ovpn3Error('input-missing', `no input was sent: the session belongs to ${who}`)
}
