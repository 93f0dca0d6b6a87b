export {type AuthReport, type AuthRequestJson} from './request'
