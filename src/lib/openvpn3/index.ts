export {SessionManager} from './manager'
export {type LogForward, LogForwards} from './log-forwards'
export {ServiceSession} from './session'
export {type ServiceVersion, serviceVersions, versionText} from './versions'
