export {type ManagerOptions, type Remote, SessionManager} from './manager'
export {type LogForward, LogForwards} from './log-forwards'
export {ServiceSession} from './session'
export {serviceVersions, versionText} from './versions'
