export {placeOf} from './install'
export {scriptOf, type Shell, shells} from './shell'
