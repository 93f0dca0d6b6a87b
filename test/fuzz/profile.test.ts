import {readProfile} from '@ovpn3/plugin-session-start'
import {hasDirective, inlineFiles, type Reading} from '@ovpn3/plugin-session-start/dist/profile-text'
import {isOvpn3Error} from '@ovpn3/sessions'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {dbusText} from './arbitrary'

/** Text of one line: anything except line ends. */
const text = dbusText(6).map((line) => line.replaceAll(/[\n\r]/g, '').slice(0, 80))
const tag = fc.constantFrom('ca', 'cert', 'connection', 'http-proxy-user-pass', 'key', 'tls-auth')
const lines = fc.array(text, {maxLength: 4})
const quoted = (word: string): string => `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"`

/** Lines of a profile, the expected result, and the file they refer to. */
interface Piece {
  readonly from: string
  readonly to: string
  readonly file?: readonly [name: string, content: string]
}

const plain: fc.Arbitrary<Piece> = fc
  .tuple(fc.constantFrom('# ', ' ; ca ', 'setenv x ', 'pkcs12 ', 'ca #'), text)
  .map((parts) => ({from: `${parts.join('')}\n`, to: `${parts.join('')}\n`}))
const block: fc.Arbitrary<Piece> = fc.tuple(tag, lines).map(([name, body]) => {
  const all = `${[`<${name}>`, ...body.filter((line) => line !== `</${name}>`), `</${name}>`].join('\n')}\n`
  return {from: all, to: all}
})
const reference: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom('ca', 'cert', 'http-proxy', 'tls-auth', 'tls-crypt'),
    text.filter(Boolean),
    lines,
    fc.constantFrom('', '\n', '\r\n'),
    fc.constantFrom(undefined, '0', '1'),
  )
  .map(([directive, name, body, end, direction]) => {
    const proxy = directive === 'http-proxy'
    const content = `${body.map((line) => ` ${line}`).join('\n')}${end}`
    const before = proxy
      ? 'http-proxy host 80 auto\n'
      : directive === 'tls-auth'
        ? `key-direction ${direction ?? 'bidirectional'}\n`
        : ''
    const inside = proxy ? 'http-proxy-user-pass' : directive
    return {
      file: [name, content],
      from: `${directive} ${proxy ? 'host 80 ' : ''}${quoted(name)}${proxy || !direction ? '' : ` ${direction}`}\n`,
      to: `${before}<${inside}>\n${content}${content.endsWith('\n') ? '' : '\n'}</${inside}>\n`,
    }
  })

/** Profile syntax in any order, without proxies: inlining a proxy as openvpn3 does can produce another directive. */
const soup = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'\n\n\n  \t\r"\'\\#;<>'),
      fc.constantFrom(
        'ca ',
        '\nca ',
        '\ntls-auth ',
        '<ca>',
        '</ca>',
        '\n<ca>\n',
        '\n</ca>\n',
        '\npersist-tun',
        'x',
        ' 1',
      ),
      text,
    ),
    {maxLength: 40},
  )
  .map((parts) => parts.join(''))

const none = async (): Promise<Reading> => assert.fail('no file should be read')
const withoutReturns = (profile: string): string => profile.replaceAll(/\r+(?=\n)/g, '')

describe('profiles with arbitrary content', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-fuzz-'))
  })
  after(() => rmSync(folder, {force: true, recursive: true}))

  it('keep all lines and contain each file in place of its reference', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(plain, block, reference), {maxLength: 12}), async (pieces) => {
        const files = pieces.flatMap(({file}) => (file ? [file] : []))
        const inlined = await inlineFiles(pieces.map(({from}) => from).join(''), async (name) => {
          const [expected, content] = files.shift()!
          assert.equal(name, expected)
          return {text: content}
        })
        assert.deepEqual(inlined, {content: pieces.map(({to}) => to).join(''), problems: []})
        assert.deepEqual(files, [])
      }),
      {numRuns: 2000},
    )
  })

  it('refer to no file after they are inlined', async () => {
    let whole = 0
    await fc.assert(
      fc.asyncProperty(soup, soup, async (profile, file) => {
        const {content, problems} = await inlineFiles(profile, async () => ({text: file}))
        if (problems.length > 0) return
        whole++
        const again = await inlineFiles(content, none)
        assert.deepEqual(again, {content: withoutReturns(content), problems: []})
        assert.equal(hasDirective(content, 'persist-tun'), hasDirective(profile, 'persist-tun'))
      }),
      {numRuns: 3000},
    )
    assert.ok(whole > 1000, `${whole} without a problem`)
  })

  it('are read, or are usage errors', async () => {
    const file = path.join(folder, 'fuzz.ovpn')
    const bytes = fc.oneof(
      fc.uint8Array({maxLength: 64}),
      soup.map((profile) => Buffer.from(profile)),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        writeFileSync(file, content)
        try {
          const profile = await readProfile(file)
          assert.ok(profile.content === '' || profile.content.endsWith('\n'))
        } catch (error) {
          assert.ok(isOvpn3Error(error), String(error))
          assert.equal(error.code, 'usage')
        }
      }),
      {numRuns: 1000},
    )
  })
})
