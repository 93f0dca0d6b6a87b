export {type ManagerOptions, SessionManager} from './manager'
export {RemoteSession} from './session'
