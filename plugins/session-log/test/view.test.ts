import {type Colors, colorsOf} from '@ovpn3/kit'
import {type LogItem} from '@ovpn3/plugin-session-log/dist/follow'
import {logItemJson, logItemLine, preciseTime} from '@ovpn3/plugin-session-log/dist/view'
import {Ovpn3Error, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, statusOf} from '../../../test/support/fake-session'
import {document} from '../../../test/support/schemas'

const session = new FakeSession(StatusMinor.connected)
const time = new Date(2026, 2, 1, 9, 5, 7, 42)
const plain = colorsOf({} as NodeJS.WriteStream)
/** Colours as their names, to make them visible. */
const vivid = Object.fromEntries(
  Object.keys(plain).map((name) => [name, (text: string) => `<${name}>${text.trim()}</>`]),
) as Colors
const line = (logItem: LogItem, label?: string, colors = plain) =>
  logItemLine(logItem, {colors, label, name: 'office (7c1b02d4)'})
const logged = (category: number, message: string): LogItem => ({
  line: {category, group: 7, message},
  session,
  time,
  type: 'log',
})
const denied = new Ovpn3Error('access-denied', 'permission denied')

describe('a line of a followed log', () => {
  it('shows local time, level and text', () => {
    assert.equal(preciseTime(time), '2026-03-01 09:05:07.042')
    assert.equal(line(logged(4, 'Connecting')), '2026-03-01 09:05:07.042 info    Connecting')
    assert.equal(
      line({session, status: statusOf(StatusMinor.authenticationFailed, 'no'), time, type: 'status'}, 'office (7c1b)'),
      '2026-03-01 09:05:07.042 status  office (7c1b): authentication failed: no',
    )
  })

  it('omits a message that only repeats the status', () => {
    const status = statusOf(StatusMinor.authenticationFailed, 'Authentication failed')
    assert.match(line({session, status, time, type: 'status'}, 'office (7c1b)'), /: authentication failed$/)
  })

  it('reports a session that appears, ends, or cannot be followed', () => {
    const text = (logItem: LogItem) => line(logItem, 'label').slice(24)
    assert.equal(
      text({session, status: statusOf(StatusMinor.connected), time, type: 'attached'}),
      'session office (7c1b02d4) found: connected',
    )
    assert.equal(text({session, time, type: 'ended'}), 'session office (7c1b02d4) ended')
    assert.equal(
      text({error: denied, session, time, type: 'log-lost'}),
      'session no log of office (7c1b02d4): permission denied',
    )
    assert.equal(
      text({session, time, type: 'log-lost'}),
      'session no log of office (7c1b02d4): the log service does not know the session',
    )
    const unsupported = new Ovpn3Error('unsupported', 'not supported by its source, fake')
    assert.equal(
      text({error: unsupported, session, time, type: 'log-lost'}),
      'session no log of office (7c1b02d4): not supported by its source, fake',
    )
  })

  it('contains no control characters, and indents its continuation lines', () => {
    const forged = '2026-03-01 09:05:07.042 error   forged'
    const text = line(logged(4, `OPTIONS:\n${forged}\n\u001B[31m\u202Ered\r\n`))
    assert.equal(text, `2026-03-01 09:05:07.042 info    OPTIONS:\n${' '.repeat(32)}${forged}\n${' '.repeat(32)}red`)
  })

  it('has the colour of its level', () => {
    const text = (category: number) => line(logged(category, 'x'), undefined, vivid)
    assert.equal(text(4), '<dim>2026-03-01 09:05:07.042</> info    x')
    assert.deepEqual(
      [1, 2, 3, 5, 6, 7, 8].map((category) => /<(\w+)>x<\/>$/.exec(text(category))?.[1]),
      ['dim', 'dim', 'dim', 'yellow', 'red', 'red', 'red'],
    )
  })

  it('is a document that fits the schema', () => {
    const status = statusOf(StatusMinor.paused, 'lunch')
    const all: LogItem[] = [
      logged(1, 'a\nb'),
      {session, status, time, type: 'status'},
      {session, status, time, type: 'attached'},
      {session, time, type: 'attached'},
      {session, time, type: 'ended'},
      {error: denied, session, time, type: 'log-lost'},
    ]
    for (const each of all) document('session-log', JSON.stringify(logItemJson(each)))
    assert.deepEqual(logItemJson(all[0]!), {
      time: time.toISOString(),
      session: {path: session.path, id: session.id, config: 'office'},
      type: 'log',
      level: 'debug',
      group: 7,
      message: 'a\nb',
    })
  })
})
