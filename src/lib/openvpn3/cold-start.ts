import {sleep} from '@ovpn3/sessions'

import {type Bus, BusError, type Call} from '../bus'

const timeout = 5000
const retryInterval = 20

/**
 * Calls the manager object of a service. The bus starts the service on demand, but delivers the call before the service
 * has created the object. So that error is retried, for manager objects only: other objects do not appear later.
 * @throws BusError
 */
export async function callManager(bus: Bus, call: Call): Promise<unknown[]> {
  const deadline = performance.now() + timeout
  for (;;) {
    try {
      return await bus.call(call)
    } catch (error) {
      if (!(error instanceof BusError && error.kind === 'object-gone' && performance.now() < deadline)) throw error
      await sleep(retryInterval)
    }
  }
}
