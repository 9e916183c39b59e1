"""What works: practices, the synthesis of their evidence, and a ranking that one can argue with."""
