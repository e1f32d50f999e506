-- An objective is found by its name alone, whichever repository defines it.
CREATE INDEX slo_states_objective_idx ON slo_states (objective);
