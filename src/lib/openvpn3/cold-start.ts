import {sleep} from '@ovpn3/sessions'

import {type Bus, BusError, type Call} from '../bus'

const deadline = 5000
const pause = 20

/**
 * Calls a service's manager object. The bus starts the service when it is called, but delivers that call before the
 * object is there: only that error, and only for a manager object, is worth another try.
 * @throws BusError
 */
export async function callManager(bus: Bus, call: Call): Promise<unknown[]> {
  const end = performance.now() + deadline
  for (;;) {
    try {
      return await bus.call(call)
    } catch (error) {
      if (!(error instanceof BusError && error.kind === 'object-gone' && performance.now() < end)) throw error
      await sleep(pause)
    }
  }
}
