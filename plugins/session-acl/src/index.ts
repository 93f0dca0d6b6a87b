export type {Change, ChangeOutcome, ChangeResult} from './change'
export type {AccessList, AclReport} from './report'
export {accessListText} from './report'
export {changesOf, type RequestFlags} from './request'
