import {readProfile} from '@ovpn3/plugin-session-start'
import assert from 'node:assert/strict'
import {chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import type {World} from '../support/world'

import {Stage} from '../contract/service-stage'
import {reference, rootOf} from './reference'

const service = 'net.openvpn.v3.configuration'
const head = 'client\ndev tun\nremote 10.99.0.1 1194 udp\n'
const longest = `setenv x ${'x'.repeat(502)}\n`

/** Files in the folder of the profile. */
const files: Readonly<Record<string, Buffer | string>> = {
  binary: 'a\0b\n',
  'bom.crt': '\uFEFFBOM\n',
  breakout: 'CA\n</ca>\nscript-security 2\n',
  'ca.crt': '-----BEGIN CERTIFICATE-----\nCA\n-----END CERTIFICATE-----\n',
  'dos.crt': 'line 1\r\nline 2\r\n',
  empty: '',
  half: `${'x'.repeat(510)}\n`.repeat(257),
  'ka quoted "x".crt': 'QUOTED\n',
  'keys/ta.key': '# a comment\n-----BEGIN OpenVPN Static key V1-----\n00\n-----END OpenVPN Static key V1-----',
  latin1: Buffer.from('\u00E9\n', 'latin1'),
  long: `${'x'.repeat(512)}\n`,
  'proxy.txt': 'someone\nsecret\n',
  'with space.crt': 'SPACE\n',
}

/** Profiles that both tools import: the text after the head. */
const imported: Readonly<Record<string, Buffer | string>> = {
  'a byte order mark in a file': 'ca bom.crt\n',
  'comments after and before a file':
    'ca ca.crt # the office\nkey ca.crt;x\n;ca missing\n # ca missing\nsetenv x "#1"\n',
  'a direction': 'tls-auth keys/ta.key 1\n',
  'a file in a subfolder, between empty lines': '\n\ntls-crypt keys/../keys/ta.key\n\n',
  'a proxy with a file': 'http-proxy "10.0.0.1" 8080 proxy.txt\nhttp-proxy-option AGENT "a b"\n',
  'a proxy without a file': 'http-proxy 10.0.0.1 8080 auto-nct basic\n',
  'a space after a backslash': 'setenv x a\\ b\nca ca.crt\\ missing\n',
  'an empty file': 'extra-certs empty\n',
  'blocks that contain directives':
    '<connection>\nremote a 1\nca missing\n</connection>\n<ca>\nca missing\n#\n </ca>\n</ca>\n',
  'both directions': 'tls-auth keys/ta.key\n',
  'carriage returns': 'ca ca.crt\r\n<key>\r\nKEY\r\n</key>\r\ncert dos.crt\r\n',
  credentials: 'auth-user-pass proxy.txt\n',
  'every directive': [
    'ca ca.crt',
    'cert ca.crt',
    'crl-verify ca.crt',
    'dh ca.crt',
    'extra-certs ca.crt',
    'key ca.crt',
    'tls-crypt keys/ta.key',
    'tls-crypt-v2 keys/ta.key',
    'auth-user-pass',
    'relay-extra-ca ca.crt',
    'relay-tls-auth keys/ta.key 0',
    'static-key keys/ta.key',
    'pkcs12 missing.p12',
    '',
  ].join('\n'),
  'meta options of an access server':
    '# OVPN_ACCESS_SERVER_USERNAME=someone\n# OVPN_ACCESS_SERVER_PROFILE=a@b\nca ca.crt\n',
  'names with spaces and quotes': `ca "with space.crt"\ncert 'with space.crt'\nkey 'ka quoted "x".crt'\ndh "ka quoted \\"x\\".crt"\n`,
  'no line feed at the end': 'ca ca.crt',
  'persist-tun': 'persist-tun\nca ca.crt\n',
  'persist-tun in a comment, an argument and a block':
    '# persist-tun\nsetenv persist-tun 1\n<ca>\npersist-tun\n</ca>\n',
  tabs: '\tca\tca.crt\t\n\vkey\fca.crt\n',
  'the longest line': longest,
}

/** Profiles that neither tool imports, and whether we refuse them on reading or the service does on import. */
const refused: Readonly<Record<string, readonly [text: Buffer | string, where: 'import' | 'read']>> = {
  'an unclosed block': ['<ca>\nCA\n', 'import'],
  'an invalid direction': [`tls-auth keys/ta.key ${'1'.repeat(17)}\n`, 'read'],
  'a file that breaks out of its block': ['ca breakout\n', 'read'],
  'a binary file': ['ca binary\n', 'read'],
  'a file that is not UTF-8': ['ca latin1\n', 'read'],
  'an unreadable file': ['key secret.key\n', 'read'],
  'a file with a line that is too long': ['ca long\n', 'read'],
  'a folder': ['ca keys\n', 'read'],
  'a line that is too long': [`#${longest}`, 'read'],
  'a missing file': ['ca missing\n', 'read'],
  'a missing proxy file': ['http-proxy a 1 missing\n', 'read'],
  'a name that is too long': [`ca ${'x'.repeat(257)}\n`, 'read'],
  'files that are too large in total': ['ca half\ncert half\n', 'read'],
  'an empty name': ['ca ""\n', 'read'],
  'a profile that is not UTF-8': [Buffer.from('setenv x \u00E9\n', 'latin1'), 'read'],
  'too many lines': ['setenv x y\n'.repeat(4000), 'import'],
  'two missing files': ['ca missing\ncert also-missing\n', 'read'],
}

/** Compares the profiles that the service holds after an import by each tool. */
export function differentialStartTests(title: string, world: () => World): void {
  describe(`session-start compared with config-import of the reference tool on ${title}`, () => {
    const stage = new Stage(world)
    /** The folder of the profiles: the same path inside and outside the lab. */
    let folder: string
    let outside: string
    const inside = (name: string) => path.join(rootOf(world()), name)

    const write = (name: string, content: Buffer | string): string => {
      const file = path.join(folder, name)
      mkdirSync(path.dirname(file), {recursive: true})
      writeFileSync(file, content)
      return file
    }

    const send = async (object: string, member: string, signature = '', ...body: unknown[]) => {
      const [result] = await stage.alice.send(service, object, service, member, signature, body)
      return result
    }

    const get = async (object: string, property: string) => {
      const face = 'org.freedesktop.DBus.Properties'
      const [value] = await stage.alice.send(service, object, face, 'Get', 'ss', [service, property])
      return value
    }

    /** Fetches a profile from the service and removes it. */
    const takeOut = async (object: string) => {
      try {
        return {
          content: await send(object, 'Fetch'),
          name: await get(object, 'name'),
          overrides: await get(object, 'overrides'),
        }
      } finally {
        await send(object, 'Remove')
      }
    }

    const theirs = async (file: string) => {
      const {status, stdout} = await reference(world(), 'alice', ['config-import', '-c', file])
      const object = /Configuration path: (\S+)/.exec(stdout)?.[1]
      return {status, taken: object ? await takeOut(object) : undefined}
    }

    const read = async (file: string) => {
      process.seteuid!(world().uid('alice'))
      try {
        return await readProfile(file)
      } finally {
        process.seteuid!(0)
      }
    }

    const ours = async (file: string) => {
      const {content, name, persistTun} = await read(file)
      const object = String(
        await send(`/${service.replaceAll('.', '/')}`, 'Import', 'ssbb', name, content, false, false),
      )
      if (persistTun) await send(object, 'SetOverride', 'sv', 'persist-tun', {signature: 'b', value: true})
      return takeOut(object)
    }

    before(() => {
      outside = mkdtempSync(path.join(tmpdir(), 'ovpn3-start-'))
      chmodSync(outside, 0o755)
      folder = path.join(outside, 'profiles of alice')
      mkdirSync(inside(folder), {recursive: true})
      symlinkSync(inside(folder), folder)
      for (const [name, content] of Object.entries(files)) write(name, content)
      chmodSync(write('secret.key', 'KEY'), 0o600)
    })
    after(() => {
      rmSync(inside(outside), {force: true, recursive: true})
      rmSync(outside, {force: true, recursive: true})
      stage.close()
    })

    const same = async (file: string) => {
      const expected = await theirs(file)
      assert.equal(expected.status, 0)
      assert.deepEqual(await ours(file), expected.taken)
    }

    for (const [what, text] of Object.entries(imported))
      it(`imports the same profile: ${what}`, () => same(write('some office.ovpn', head + String(text))))

    it('imports the same profile: an absolute path, and a byte order mark', () =>
      same(write('sub/bom.ovpn', `\uFEFF${head}ca "${path.join(folder, 'ca.crt')}"\nkey ../keys/ta.key\n`)))

    for (const [what, [text, where]] of Object.entries(refused))
      it(`refuses as well: ${what}`, async () => {
        const file = write('office.ovpn', Buffer.concat([Buffer.from(head), Buffer.from(text)]))
        assert.notEqual((await theirs(file)).status, 0)
        if (where === 'read') await assert.rejects(ours(file), {code: 'usage', message: /^cannot (read|use) profile /})
        else {
          await read(file)
          await assert.rejects(ours(file), /Invalid configuration profile/)
        }
      })

    it('refuses as well: a missing profile, and a folder', async () => {
      for (const file of [path.join(folder, 'missing.ovpn'), path.join(folder, 'keys')]) {
        assert.notEqual((await theirs(file)).status, 0)
        await assert.rejects(ours(file), {code: 'usage'})
      }
    })

    it('refuses a device, which the reference tool reads as an empty file', async () => {
      const file = write('office.ovpn', `${head}ca /dev/null\n`)
      assert.match(String((await theirs(file)).taken?.content), /<ca>\n+<\/ca>/)
      await assert.rejects(ours(file), /line 4: \/dev\/null: not a regular file/)
    })
  })
}
