import {isOvpn3Error, safeText} from '@ovpn3/sessions'

import {Bus, tracer, unwrap} from '../bus'
import {callManager} from './cold-start'
import {toOvpn3Error} from './errors'
import {configurationService, getCall, sessionService} from './names'

/** A service of OpenVPN 3 Linux, and its version or why it does not say. */
export interface ServiceVersion {
  readonly service: string
  readonly version?: string
  readonly error?: string
}

/** The versions of the services that have sessions and profiles. Never rejects. */
export async function serviceVersions(): Promise<ServiceVersion[]> {
  const connecting = Bus.connect({onClose() {}, trace: tracer()})
  try {
    return await Promise.all([sessionService, configurationService].map((service) => versionOf(service, connecting)))
  } finally {
    void connecting.then(
      (bus) => bus.close(),
      () => {},
    )
  }
}

async function versionOf(service: string, connecting: Promise<Bus>): Promise<ServiceVersion> {
  try {
    const path = `/${service.replaceAll('.', '/')}`
    const [version] = await callManager(await connecting, {...getCall(service, 'version'), destination: service, path})
    return {service, version: String(unwrap(version))}
  } catch (error) {
    const known = toOvpn3Error(error, 'read', service === sessionService ? 'session manager' : 'configuration manager')
    return {error: isOvpn3Error(known) ? known.message : String(error), service}
  }
}

/** A version as a line for a person. */
export const versionText = ({error, service, version}: ServiceVersion): string =>
  version === undefined ? `${service}: not available: ${safeText(error ?? '')}` : `${service} ${safeText(version)}`
