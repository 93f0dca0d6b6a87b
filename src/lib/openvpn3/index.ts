export {tracer} from '../bus'
export {type ManagerOptions, SessionManager} from './manager'
export {managerPath} from './names'
export {RemoteSession} from './session'
