import {type Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {parseCredentials} from '../../../packages/kit/dist/credentials/parse'

const parse = (text: string) => Object.fromEntries(parseCredentials(Buffer.from(text), 'the file'))

describe('credentials', () => {
  for (const [what, text, values] of [
    ['two lines', 'alice\nse cret \n', {password: 'se cret ', username: 'alice'}],
    ['two lines without a final line feed', 'alice\nsecret', {password: 'secret', username: 'alice'}],
    ['two lines with a byte order mark and CRLF', '\uFEFFalice\r\nsecret\r\n', {password: 'secret', username: 'alice'}],
    ['more lines, as OpenVPN reads them', 'alice\nsecret\n# and so on\n', {password: 'secret', username: 'alice'}],
    ['a user name alone', 'alice\n\n', {username: 'alice'}],
    ['a password alone', '\nsecret\n', {password: 'secret'}],
    ['JSON', ' \n{"username": "alice", "static_challenge": "123456"}', {static_challenge: '123456', username: 'alice'}],
    ['JSON with an empty value', '{"password": ""}', {password: ''}],
    ['JSON with unknown names', '{"__proto__": "x", "pin": "1"}', JSON.parse('{"__proto__": "x", "pin": "1"}')],
    ['an empty JSON object', '{}', {}],
  ] as const)
    it(`are read: ${what}`, () => assert.deepEqual(parse(text), values))

  for (const [what, bytes, message] of [
    ['an empty file', '', 'empty'],
    ['blank lines', '\n \n', 'empty'],
    ['incomplete JSON', '{"password": "hunter2"', 'not valid JSON'],
    ['text after JSON', '{"password": "hunter2"} hunter2', 'not valid JSON'],
    ['a number as a value', '{"static_challenge": 123456}', 'the value of "static_challenge" is not a string'],
    ['a password as a name', '{"hunter2": null}', 'a value is not a string'],
    ['a NUL in JSON', String.raw`{"password": "hunter2\u0000"}`, 'a value contains a NUL character'],
    ['a NUL in a line', 'alice\nhunter2\0', 'a value contains a NUL character'],
    ['text that is not UTF-8', Buffer.from('alice\nhunter2\u00E4', 'latin1'), 'not UTF-8 text'],
  ] as const)
    it(`are refused without being quoted: ${what}`, () => {
      assert.throws(
        () => parseCredentials(Buffer.from(bytes as string), 'the file'),
        (error: Ovpn3Error) => {
          assert.deepEqual([error.code, error.message], ['usage', `cannot read credentials from the file: ${message}`])
          assert.doesNotMatch(`${error.stack}${error.hint}`, /hunter2|123456/)
          return true
        },
      )
    })
})
