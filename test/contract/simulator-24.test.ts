import {simulatorTests} from './simulator'

simulatorTests('24.1')
