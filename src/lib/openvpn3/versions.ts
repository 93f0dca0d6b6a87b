import {isOvpn3Error, safeText} from '@ovpn3/sessions'

import {Bus, tracer, unwrap} from '../bus'
import {callManager} from './cold-start'
import {toOvpn3Error} from './errors'
import {configurationService, getCall, sessionService} from './names'

/** A service of OpenVPN 3 Linux, with its version or the reason why it is unknown. */
export interface ServiceVersion {
  readonly service: string
  readonly version?: string
  readonly error?: string
}

/** The versions of the session manager and the configuration manager. Never rejects. */
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

/** A version as a line of text. */
export const versionText = ({error, service, version}: ServiceVersion): string =>
  version === undefined ? `${service}: not available: ${safeText(error ?? '')}` : `${service} ${safeText(version)}`
