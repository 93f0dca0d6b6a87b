import {Watch} from '@ovpn3/plugin-sessions-list/dist/watch'
import {Ovpn3Error, type SourceEvent, Sources} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'
import {setImmediate as soon} from 'node:timers/promises'

describe('a watch', () => {
  it('whose source ends while it begins ends with the reason', async () => {
    const source = {
      find: async () => [],
      me: 0,
      name: 'fake',
      async watch(listener: (event: SourceEvent) => void) {
        listener({error: new Ovpn3Error('disconnected', 'gone'), type: 'closed'})
        await soon()
        return async () => {}
      },
    }
    const watch = new Watch(new Sources([source]), {changed() {}, needs: {profile: false, properties: []}})
    await assert.rejects(watch.run(), /gone/)
  })
})
