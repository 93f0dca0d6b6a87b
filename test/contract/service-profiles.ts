import assert from 'node:assert/strict'
import {afterEach, describe, it} from 'node:test'

import type {UserName} from '../support/world'

import {until} from '../support/cli'
import {PROFILES, ProfileStage, without} from './profile-stage'
import {
  accessDenied,
  invalidArgs,
  noObject,
  refused,
  rejects,
  requestRefused,
  type Stage,
  type Typed,
} from './service-stage'

const TYPES: Readonly<Record<string, string>> = {
  acl: 'au',
  dco: 'b',
  import_timestamp: 't',
  last_used_timestamp: 't',
  locked_down: 'b',
  name: 's',
  overrides: 'a{sv}',
  owner: 'u',
  persistent: 'b',
  public_access: 'b',
  readonly: 'b',
  single_use: 'b',
  tags: 'as',
  transfer_owner_session: 'b',
  used_count: 'u',
  valid: 'b',
}

const ACCESS = 'Access to the configuration profile is denied.'
const SEALED = 'Configuration profile is sealed and read-only'
const OWNERS = 'Configuration can only be modified by the profile owner'

/** Profiles: what the configuration manager accepts, stores, shows and refuses. */
export function profileFacts(stage: Stage): void {
  const profiles = new ProfileStage(stage)
  const cert = () => stage.world.profileText('cert')
  const overridesOf = async (path: string) => {
    const overrides = (await profiles.get('alice', path, 'overrides')) as Record<string, Typed>
    return Object.entries(overrides).map(([key, {signature, value}]) => [key, signature, value])
  }

  const listed = async (user: UserName, path: string): Promise<boolean> => {
    const [paths] = await profiles.call(user, PROFILES, 'FetchAvailableConfigs')
    return (paths as string[]).includes(path)
  }

  const validation = async (text: string): Promise<void> => {
    await profiles.call('alice', await profiles.add(text), 'Validate')
  }

  afterEach(() => profiles.clear())

  describe('import', () => {
    it('sets the properties from its arguments', async () => {
      const before = Math.floor(Date.now() / 1000)
      const path = await profiles.add(cert(), {name: 'office'})
      const all = await profiles.getAll('alice', path)
      assert.deepEqual(Object.fromEntries(Object.entries(all).map(([name, {signature}]) => [name, signature])), TYPES)
      const {import_timestamp, ...rest} = Object.fromEntries(
        Object.entries(all).map(([name, {value}]) => [name, value]),
      )
      assert.ok(Number(import_timestamp) - before <= 5)
      assert.deepEqual(rest, {
        acl: [],
        dco: false,
        last_used_timestamp: 0n,
        locked_down: false,
        name: 'office',
        overrides: {},
        owner: stage.world.uid('alice'),
        persistent: false,
        public_access: false,
        readonly: false,
        single_use: false,
        tags: [],
        transfer_owner_session: false,
        used_count: 0,
        valid: true,
      })
      const both = await profiles.add(cert(), {persistent: true, singleUse: true})
      assert.deepEqual(
        [await profiles.get('alice', both, 'persistent'), await profiles.get('alice', both, 'single_use')],
        [true, true],
      )
    })

    it('broadcasts the creation and removal of a profile', async () => {
      const listener = stage.as(stage.world.canBecome ? 'bob' : 'alice')
      await listener.listen()
      const path = await profiles.add()
      await profiles.call('alice', path, 'Remove')
      const events = () =>
        listener
          .signals('ConfigurationManagerEvent', PROFILES)
          .map(({body}) => body)
          .filter(([of]) => of === path)
      await until('the signals arrive', () => events().length === 2)
      assert.deepEqual(events(), [
        [path, 1, stage.world.uid('alice')],
        [path, 2, stage.world.uid('alice')],
      ])
    })

    it('allows duplicate and empty names, and drops non-printable and non-ASCII characters', async () => {
      const [one, two] = [await profiles.add(cert(), {name: 'twice'}), await profiles.add(cert(), {name: 'twice'})]
      const [found] = await profiles.call('alice', PROFILES, 'LookupConfigName', 's', 'twice')
      assert.deepEqual((found as string[]).sort(), [one, two].sort())
      assert.deepEqual(await profiles.call('alice', PROFILES, 'LookupConfigName', 's', 'no such name'), [[]])
      for (const [name, kept] of [
        ['', ''],
        ['a/b', 'a/b'],
        ['  spaces ', '  spaces '],
        ['two\nlines', 'twolines'],
        ['\u001B[31mred', '[31mred'],
        ['München', 'Mnchen'],
      ] as const) {
        assert.equal(await profiles.get('alice', await profiles.add(cert(), {name}), 'name'), kept)
      }
    })

    it('accepts text without options, as an invalid profile', async () => {
      for (const text of ['', '\u0001\u0002', 'Dear Sir,\nhello']) {
        const path = await profiles.add(text)
        assert.equal(await profiles.get('alice', path, 'valid'), false)
      }
    })

    it('refuses unclosed blocks, long lines and oversized profiles', async () => {
      const invalid = (reason: string) => requestRefused(`Invalid configuration profile: ${reason}`)
      const open = 'ERR_INVALID_OPTION_VAL: option_error: option <ca> was not properly closed out'
      await rejects(profiles.add('client\n<ca>\nabc'), invalid(open))
      const html = '<html><body>hello</body></html>'
      await rejects(
        profiles.add(html),
        invalid(`ERR_INVALID_OPTION_VAL: option_error: option ${html} was not properly closed out`),
      )
      const long = `client\nsetenv X ${'y'.repeat(600)}\n`
      await rejects(profiles.add(long), invalid('ERR_INVALID_OPTION_VAL: option_error: line 2 is too long'))
      const large = invalid('ERR_INVALID_CONFIG: option_error: profile is too large')
      const comments = (bytes: number) => `# ${'x'.repeat(97)}\n`.repeat(bytes / 100)
      await rejects(profiles.add(cert() + comments(262_000)), large)
      await profiles.add(cert() + comments(255_000))
    })

    it('Fetch returns the options as written, without comments', async () => {
      const text = [
        '# a comment',
        '',
        'client  ',
        '  dev tun',
        'remote 10.99.0.1 1194 udp # trailing',
        'setenv NAME "two words"',
        'static-challenge "Enter the PIN" 1',
        '<ca>',
        'AAA',
        'BBB',
        '</ca>',
        'verb 4',
        '',
      ]
      const expected = [
        'client',
        'dev tun',
        'remote 10.99.0.1 1194 udp',
        'setenv NAME "two words"',
        'static-challenge "Enter the PIN" 1',
        '<ca>\nAAA\nBBB\n</ca>\n',
        'verb 4',
        '',
      ]
      for (const end of ['\n', '\r\n']) {
        assert.deepEqual(await profiles.call('alice', await profiles.add(text.join(end)), 'Fetch'), [
          expected.join('\n'),
        ])
      }
    })
  })

  describe('validation', () => {
    it('accepts each profile that can become a session, even with invalid certificates', async () => {
      await validation(cert())
      await validation(without(cert(), 'ca', 'cert', 'key') + 'ca ca.crt\nno-such-option 1\n')
    })

    it('reports a missing option: 27.1 names it, 24.1 does not', async () => {
      for (const [missing, ...options] of [
        ['--ca', 'ca'],
        ['--client or --tls-client', 'client'],
        ['--dev', 'dev'],
        ['--remote', 'remote'],
        ['--ca, --client or --tls-client, --dev, --remote', 'ca', 'client', 'dev', 'remote'],
      ] as const) {
        const text =
          stage.world.version === '24.1'
            ? 'Configration profile is missing required options'
            : `Configuration profile is missing required options: ${missing}`
        await rejects(validation(without(cert(), ...options)), refused(text), missing)
      }
    })

    it('refuses a profile that a server locked', async () => {
      const text = `${cert()}setenv GENERIC_CONFIG 1\n`
      await rejects(validation(text), refused('Server locked profiles are unsupported'))
    })
  })

  describe('overrides', () => {
    it('keep the last value set, until they are unset', async () => {
      const path = await profiles.add()
      await profiles.override(path, 'log-level', 's', '5')
      await profiles.override(path, 'persist-tun', 'b', true)
      await profiles.override(path, 'log-level', 's', 'no number')
      assert.deepEqual((await overridesOf(path)).sort(), [
        ['log-level', 's', 'no number'],
        ['persist-tun', 'b', true],
      ])
      await profiles.call('alice', path, 'UnsetOverride', 's', 'log-level')
      assert.deepEqual(await overridesOf(path), [['persist-tun', 'b', true]])
      for (const key of ['log-level', 'no-such-override']) {
        const unset = profiles.call('alice', path, 'UnsetOverride', 's', key)
        await rejects(unset, refused(`Override '${key}' has not been set`))
      }
    })

    it('refuse a wrong key, and a wrong type, which also removes the previous value', async () => {
      const path = await profiles.add()
      await rejects(
        profiles.override(path, 'no-such-override', 's', 'x'),
        refused("Invalid override key 'no-such-override'"),
      )
      await rejects(profiles.override(path, 'Persist-Tun', 'b', true), refused("Invalid override key 'Persist-Tun'"))
      await profiles.override(path, 'persist-tun', 'b', true)
      const wrong = (key: string, type: string) => `(SetOverride) Invalid override data type for '${key}': ${type}`
      await rejects(profiles.override(path, 'persist-tun', 's', 'yes'), refused(wrong('persist-tun', 's')))
      assert.deepEqual(await overridesOf(path), [])
      await rejects(profiles.override(path, 'log-level', 'b', true), refused(wrong('log-level', 'b')))
      await rejects(profiles.override(path, 'log-level', 'u', 3), refused('Unsupported override data type: u'))
    })
  })

  describe('changes', () => {
    it('are possible for the writable properties', async () => {
      const path = await profiles.add()
      for (const [property, signature, value] of [
        ['name', 's', 'renamed'],
        ['dco', 'b', true],
        ['public_access', 'b', true],
        ['locked_down', 'b', true],
        ['transfer_owner_session', 'b', true],
      ] as const) {
        await profiles.set('alice', path, property, signature, value)
        assert.equal(await profiles.get('alice', path, property), value)
      }

      for (const property of ['single_use', 'valid', 'persistent']) {
        await rejects(
          profiles.set('alice', path, property, 'b', true),
          invalidArgs(`Property “${property}” is not writable`),
        )
      }
    })

    it('store a tag once', async () => {
      const path = await profiles.add()
      await profiles.call('alice', path, 'AddTag', 's', 'work')
      await rejects(profiles.call('alice', path, 'AddTag', 's', 'work'), refused('Tag already exists'))
      assert.deepEqual(await profiles.get('alice', path, 'tags'), ['work'])
    })

    it('are refused for a sealed profile, except its removal', async () => {
      const path = await profiles.add()
      await profiles.call('alice', path, 'Seal')
      assert.equal(await profiles.get('alice', path, 'readonly'), true)
      await rejects(profiles.override(path, 'persist-tun', 'b', true), refused(SEALED))
      await rejects(profiles.set('alice', path, 'name', 's', 'other'), accessDenied(SEALED))
      await profiles.call('alice', path, 'Remove')
    })

    it('fail for a removed profile, whose object is gone', async () => {
      const path = await profiles.add()
      await profiles.call('alice', path, 'Remove')
      await rejects(profiles.get('alice', path, 'name'), noObject(path))
      for (const member of ['Fetch', 'Validate', 'Remove'])
        await rejects(profiles.call('alice', path, member), noObject(path))
      assert.equal(await listed('alice', path), false)
    })
  })

  describe('access', () => {
    /** Every call to a profile that a user may not make. */
    const denials = async (user: UserName, path: string): Promise<string[]> => {
      const denied: string[] = []
      const attempt = async (what: string, attempted: Promise<unknown>) => {
        try {
          await attempted
        } catch (error) {
          assert.match((error as Error).message, /denied|modified by the profile owner/, what)
          denied.push(what)
        }
      }

      for (const property of Object.keys(TYPES)) await attempt(property, profiles.get(user, path, property))
      for (const member of ['Fetch', 'Validate']) await attempt(member, profiles.call(user, path, member))
      const value = {signature: 'b', value: true}
      await attempt('SetOverride', profiles.call(user, path, 'SetOverride', 'sv', 'persist-tun', value))
      await attempt('UnsetOverride', profiles.call(user, path, 'UnsetOverride', 's', 'persist-tun'))
      await attempt('name=', profiles.set(user, path, 'name', 's', 'other'))
      await attempt('dco=', profiles.set(user, path, 'dco', 'b', false))
      await attempt('Remove', profiles.call(user, path, 'Remove'))
      return denied
    }

    const CHANGES = ['SetOverride', 'UnsetOverride', 'name=', 'Remove']

    it('a stranger and root may read only the owner', async (t) => {
      if (stage.alone(t)) return
      const path = await profiles.add()
      const readable = Object.keys(TYPES).filter((property) => property !== 'owner')
      for (const user of ['bob', 'root'] as const) {
        assert.equal(await listed(user, path), false)
        assert.deepEqual(Object.keys(await profiles.getAll(user, path)), ['owner'])
        const all = [...readable, 'Fetch', 'Validate', ...CHANGES, 'dco='].sort()
        assert.deepEqual((await denials(user, path)).sort(), all)
      }

      await rejects(profiles.get('bob', path, 'name'), accessDenied(ACCESS))
      await rejects(profiles.call('bob', path, 'Fetch'), refused(ACCESS))
      await rejects(profiles.call('bob', path, 'Remove'), refused(ACCESS))
      await rejects(profiles.set('bob', path, 'name', 's', 'other'), accessDenied(OWNERS))
    })

    it('a granted user may read the profile and set dco', async (t) => {
      if (stage.alone(t)) return
      const path = await profiles.add()
      const bob = stage.world.uid('bob')
      await profiles.call('alice', path, 'AccessGrant', 'u', bob)
      await rejects(profiles.call('alice', path, 'AccessGrant', 'u', bob), refused('UID already granted access'))
      assert.deepEqual(await profiles.get('bob', path, 'acl'), [bob])
      assert.equal(await listed('bob', path), true)
      assert.deepEqual((await denials('bob', path)).sort(), [...CHANGES].sort())
      await profiles.set('alice', path, 'locked_down', 'b', true)
      await rejects(profiles.call('bob', path, 'Fetch'), refused(ACCESS))
      await profiles.call('alice', path, 'AccessRevoke', 'u', bob)
      await rejects(profiles.call('alice', path, 'AccessRevoke', 'u', bob), refused('UID not granted access'))
      assert.equal(await listed('bob', path), false)
    })

    it('every user may read a public profile, except its text', async (t) => {
      if (stage.alone(t)) return
      const path = await profiles.add()
      await profiles.set('alice', path, 'public_access', 'b', true)
      for (const user of ['bob', 'root'] as const) {
        assert.equal(await listed(user, path), true)
        assert.deepEqual((await denials(user, path)).sort(), ['Fetch', ...CHANGES, 'dco='].sort())
      }
    })
  })
}
