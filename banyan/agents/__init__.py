"""Who does the work: planner, worker, orchestrator.  Empty until the task memory exists."""
