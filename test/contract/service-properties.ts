import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {failed, rejects, type Stage, type Typed} from './service-stage'

const SIGNATURES: Readonly<Record<string, string>> = {
  acl: 'au',
  backend_pid: 'u',
  config_name: 's',
  config_path: 'o',
  connected_to: '(ssu)',
  dco: 'b',
  device_name: 's',
  device_path: 'o',
  last_log: 'a{sv}',
  log_forwards: 'ao',
  log_verbosity: 'u',
  owner: 'u',
  public_access: 'b',
  restrict_log_access: 'b',
  session_created: 't',
  session_name: 's',
  statistics: 'a{sx}',
  status: '(uus)',
}

const signatures = (all: Record<string, Typed>) =>
  Object.fromEntries(Object.entries(all).map(([name, {signature}]) => [name, signature]))
const expected = (all: Record<string, Typed>) =>
  Object.fromEntries(Object.keys(all).map((name) => [name, SIGNATURES[name]]))

/** The properties of a session. */
export function propertyFacts(stage: Stage): void {
  const read = async (session: string): Promise<Record<string, Typed>> => {
    const all: Record<string, Typed> = {}
    for (const property of Object.keys(SIGNATURES)) {
      if (property === 'device_path' && stage.world.version === '24.1') continue
      all[property] = await stage.alice.typed(session, property)
    }

    return all
  }

  it('of a connected session', async () => {
    const session = await stage.borrow('alice', 'cert')
    const all = await read(session)
    assert.deepEqual(signatures(all), expected(all))
    assert.equal(all.owner!.value, stage.world.uid('alice'))
    assert.equal(all.config_name!.value, 'cert')
    assert.match(String(all.config_path!.value), /^\/net\/openvpn\/v3\/configuration\/[\da-fx]{36}$/)
    assert.deepEqual(all.status!.value, [2, 7, ''])
    assert.match(String(all.device_name!.value), /^tun\d+$/)
    assert.deepEqual(all.acl!.value, [])
    assert.deepEqual(all.log_forwards!.value, [])
    assert.equal(all.public_access!.value, false)
    assert.equal(all.restrict_log_access!.value, true)
    assert.equal(Number(all.backend_pid!.value) > 1, true)
    const created = Number(all.session_created!.value)
    assert.equal(Math.abs(created - Date.now() / 1000) < 120, true)
    const [protocol, server, port] = all.connected_to!.value as [string, string, number]
    assert.deepEqual([protocol, port], ['udp', 1194])
    assert.equal(all.session_name!.value, server)
    assert.deepEqual(Object.keys(all.last_log!.value as object).sort(), ['log_category', 'log_group', 'log_message'])
  })

  it('of a connected session include the statistics that are not 0', async () => {
    const session = await stage.begin('alice', 'cert')
    const statistics = await stage.alice.get<Record<string, bigint>>(session, 'statistics')
    for (const counter of ['BYTES_IN', 'BYTES_OUT', 'PACKETS_IN', 'PACKETS_OUT']) {
      assert.equal(statistics[counter]! > 0n, true, counter)
    }

    for (const [counter, value] of Object.entries(statistics)) assert.notEqual(value, 0n, counter)
    assert.equal('AUTH_FAILED' in statistics, false)
    assert.equal('N_PAUSE' in statistics, false)
  })

  it('declare device_path of a connected session as a string, but return an object path', async () => {
    const session = await stage.borrow('alice', 'cert')
    const {signature, value} = await stage.alice.typed(session, 'device_path')
    assert.equal(signature, 'o')
    assert.match(String(value), /^\/net\/openvpn\/v3\/netcfg\/./)
    const [xml] = await stage.alice.introspect(session)
    assert.match(String(xml), /<property type="s" name="device_path"/)
  })

  it('are the same with GetAll and with single reads', async () => {
    const session = await stage.borrow('alice', 'cert')
    const all = await stage.alice.getAll(session)
    assert.deepEqual(signatures(all), SIGNATURES)
    for (const name of ['owner', 'status', 'session_created', 'connected_to', 'device_name', 'device_path']) {
      assert.deepEqual(all[name], await stage.alice.typed(session, name), name)
    }
  })

  it('count pauses and reconnections with a short delay', async () => {
    const session = await stage.borrow('alice', 'cert')
    const counted = async (counter: string) => {
      const statistics = await stage.alice.get<Record<string, bigint>>(session, 'statistics')
      return statistics[counter] ?? 0n
    }

    const [pauses, reconnections] = [await counted('N_PAUSE'), await counted('N_RECONNECT')]
    await stage.alice.call(session, 'Pause', 's', '')
    await until('the pause is counted', async () => (await counted('N_PAUSE')) === pauses + 1n)
    await stage.alice.call(session, 'Resume')
    await stage.alice.reaches(session, 7)
    assert.equal(await counted('N_RECONNECT'), reconnections + 1n)
  })

  it('of a connecting session include no server, name or device', async () => {
    const session = await stage.begin('alice', 'dead', {until: 'started'})
    const all = await read(session)
    assert.deepEqual(signatures(all), expected(all))
    assert.deepEqual(all.status!.value, [2, 6, ''])
    assert.deepEqual(all.connected_to!.value, ['', '', 0])
    assert.equal(all.session_name!.value, '')
    assert.equal(all.device_name!.value, '')
  })

  it('never include a server without a device', async () => {
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    const both = async () => {
      const device = await stage.alice.get<string>(session, 'device_name')
      return [device, await stage.alice.get(session, 'connected_to')] as const
    }

    assert.deepEqual(await both(), ['', ['', '', 0]])
    await stage.alice.call(session, 'Connect')
    await stage.alice.reaches(session, 7)
    const connected = await both()
    assert.match(connected[0], /^tun\d+$/)
    assert.notDeepEqual(connected[1], ['', '', 0])
    await stage.alice.call(session, 'Pause', 's', '')
    await stage.alice.reaches(session, 14)
    assert.deepEqual(await both(), connected)
  })

  it('of a connecting session include no device_path', async () => {
    const session = await stage.borrow('alice', 'dead', {until: 'started'})
    const answer = stage.alice.typed(session, 'device_path')
    if (stage.world.version === '24.1') await rejects(answer, failed('NULL/nullptr value is not allowed'))
    else assert.deepEqual(await answer, {signature: 'o', value: '/'})
  })

  it('do not allow dco to be set after the start', async () => {
    const session = await stage.borrow('alice', 'dead', {until: 'started'})
    await rejects(stage.alice.set(session, 'dco', 'b', true), failed('DCO mode cannot be changed now'))
  })

  it('include the values set for public_access, restrict_log_access and, before the start, dco', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    for (const value of [true, false]) {
      for (const property of ['public_access', 'restrict_log_access', 'dco']) {
        await stage.alice.set(session, property, 'b', value)
        assert.equal(await stage.alice.get(session, property), value, property)
      }
    }
  })
}
