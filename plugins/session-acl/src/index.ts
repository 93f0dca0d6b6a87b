export {accessListText, type AclReport} from './report'
