//! THE WORLD: the outside systems over real HTTP, with state and faults, for tests, demo and training.
//! Must not know: anything of ours.
