"""The parts of a run that touch the world, each a step that `profiler.run` joins to the others."""
