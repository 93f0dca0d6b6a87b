import {type Simulator, userPassword} from './simulator'

/** The counters of a session that has been in use for a while. */
export const officeStatistics = {
  BYTES_IN: 734_003_200,
  BYTES_OUT: 58_720_256,
  PACKETS_IN: 612_350,
  PACKETS_OUT: 190_412,
  TUN_BYTES_IN: 55_120_400,
  TUN_BYTES_OUT: 701_220_800,
  TUN_PACKETS_IN: 190_390,
  TUN_PACKETS_OUT: 612_301,
}

/**
 * Sessions for trying the commands: `office` and `home-lab` are connected; `customer-vpn` is paused and waits for the
 * user name `demo` and the password `demo`; the backend of `old-gateway` can be killed; `colleague` is paused, belongs
 * to another user and is listed because it is public. The profile `branch` has no session. Returns the path of
 * `old-gateway`.
 */
export async function demo(simulator: Simulator): Promise<string> {
  const [office, homeLab] = simulator.createSessions(2, {name: (index) => ['office', 'home-lab'][index]!})
  simulator.setStatistics(office!, officeStatistics)
  simulator.setTraffic(office!, {in: 340_000, out: 26_000})
  simulator.setTraffic(homeLab!, {in: 1200, out: 900})
  simulator.addProfile('alice', 'customer-vpn', userPassword('demo', 'demo'))
  const customer = await simulator.startProfile('alice', 'customer-vpn', {until: 'new'})
  simulator.pause(customer)
  simulator.addProfile('alice', 'branch')
  const [gateway] = simulator.createSessions(1, {name: () => 'old-gateway'})
  const [colleague] = simulator.createSessions(1, {name: () => 'colleague', user: 'bob'})
  simulator.pause(colleague!)
  await simulator.setPublicAccess(colleague!, true)
  return gateway!
}
