"""One file per gate: facts and policy in, one GateResult out."""
