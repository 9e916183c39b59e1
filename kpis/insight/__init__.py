"""What results add up to, for who decides in a city: explore, cities like mine, benchmarks, where evidence is missing."""
