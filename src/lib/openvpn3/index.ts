export {SessionManager} from './manager'
export {type LogForward, LogForwards} from './log-forwards'
export {ServiceSession} from './session'
export {serviceVersions, type ServiceVersion, versionText} from './versions'
