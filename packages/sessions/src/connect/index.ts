export {type BringUpAction, type BringUpOptions, type Waiting} from './attempt'
export {bringUp} from './bring-up'
export {type Interaction, type Task} from './interaction'
