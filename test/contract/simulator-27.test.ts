import {simulatorTests} from './simulator'

simulatorTests('27.1')
