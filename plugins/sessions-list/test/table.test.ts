import {type Colors} from '@ovpn3/kit'
import {type Entry} from '@ovpn3/plugin-sessions-list/dist/entry'
import {defaultColumns} from '@ovpn3/plugin-sessions-list/dist/query'
import {sessionTable} from '@ovpn3/plugin-sessions-list/dist/table'
import {type SessionProperties, statusTexts} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, statusOf} from '../../../test/support/fake-session'

const colors = Object.fromEntries(
  ['bold', 'cyan', 'dim', 'green', 'red', 'yellow'].map((name) => [name, (text: string) => text]),
) as unknown as Colors
const now = 1_000_000

function entry(values: Partial<SessionProperties> = {}): Entry {
  return {
    details: {ownerName: 'alice'},
    session: new FakeSession(7, {id: '0963a8dbcafe'}),
    state: 'ok',
    values: {
      config_name: 'customer-vpn',
      connected_to: {host: '10.99.0.1', port: 1194, protocol: 'udp'},
      device_name: 'tun0',
      owner: 1000,
      session_created: now - 7440,
      status: statusOf(7),
      ...values,
    },
  }
}

const table = (
  width: number | undefined,
  {columns = defaultColumns.table, keepsColumns = false, entries = [entry()]} = {},
) => sessionTable(entries, {colors, columns, keepsColumns, now, width}).split('\n')

describe('the table of sessions', () => {
  it('leaves out SERVER, OWNER, AGE, then DEVICE as the terminal gets narrower', () => {
    const headers = [undefined, 76, 75, 60, 50, 40, 36].map((width) => table(width)[0]!.replaceAll(/ +/g, ' '))
    assert.deepEqual(headers, [
      'ID CONFIG STATUS DEVICE SERVER OWNER AGE',
      'ID CONFIG STATUS DEVICE SERVER OWNER AGE',
      'ID CONFIG STATUS DEVICE SERVER OWNER AGE',
      'ID CONFIG STATUS DEVICE OWNER AGE',
      'ID CONFIG STATUS DEVICE AGE',
      'ID CONFIG STATUS DEVICE',
      'ID CONFIG STATUS',
    ])
  })

  it('cuts only the profile name', () => {
    assert.deepEqual(table(40), ['ID        CONFIG       STATUS     DEVICE', '0963a8db  customer-v…  connected  tun0'])
  })

  it('keeps the requested columns', () => {
    const [header] = table(40, {columns: ['id', 'server', 'owner', 'age'], keepsColumns: true})
    assert.match(header!, /^ID +SERVER +OWNER +AGE$/)
  })

  it('has every status and ID in full in 40 columns', () => {
    for (const [minor, text] of statusTexts.entries()) {
      const lines = table(40, {entries: [entry({status: statusOf(minor)})]})
      assert.match(lines[1]!, /^0963a8db {2}\S/)
      assert.ok(lines[1]!.includes(`  ${text}`), lines[1])
      for (const line of lines) assert.ok(line.length <= 40, line)
    }
  })
})
