import {Ovpn3Error, shellWord} from '@ovpn3/sessions'

import type {Selected} from './select'

import {confirm, isInteractive} from './terminal'
import {userText} from './users'

/**
 * Another user's session gets credentials only where its owner was named, or the person agrees to it on a terminal: that
 * user decides what becomes of them.
 * @throws Ovpn3Error `input-missing`
 */
export async function consentToAnswer(
  {label, owner, ownerNamed, ownership}: Selected,
  signal: AbortSignal,
): Promise<void> {
  if (ownership === 'own' || ownerNamed) return
  const who = owner ? userText(owner) : 'another user'
  if (!isInteractive())
    throw new Ovpn3Error('input-missing', `input is needed, and the session belongs to ${who}`, {
      hint: owner
        ? `Pass --owner ${shellWord(owner.name ?? String(owner.uid))} to send them your input`
        : 'Answer on a terminal',
    })
  if (!(await confirm(`${label} belongs to ${who}. Send it your input?`, signal)))
    throw new Ovpn3Error('input-missing', `no input was sent: the session belongs to ${who}`)
}
