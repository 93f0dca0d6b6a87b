import {realTests} from './real'

realTests('trixie')
