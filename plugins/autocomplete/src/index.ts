export {type Place, placeOf} from './install'
export {scriptOf, type Shell, shells} from './shell'
